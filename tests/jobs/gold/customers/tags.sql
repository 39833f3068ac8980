-- Tags as of $as_of (business time UTC), told a second time from silver: one row per customer, tag and value.
WITH spent AS (
    SELECT customer_id, event_date, date_diff('day', event_date, $as_of) AS age, amount, fee_amount, kind, posted_at,
           merchant_category, merchant_country, merchant_region, channel
    FROM silver.transactions
    WHERE known_on <= $as_of AND event_date <= $as_of AND event_date > $as_of - 365 AND coalesce(status, 'posted') = 'posted'
), spending AS (
    SELECT customer_id,
        count(*) FILTER (kind IN ('purchase', 'cash_advance', 'instalment') AND age < 90) AS bought_90,
        coalesce(sum(amount) FILTER (kind <> 'repayment' AND kind <> 'fee' AND age < 90), 0) AS spent_90,
        coalesce(sum(amount) FILTER (kind <> 'repayment' AND kind <> 'fee' AND age < 30), 0) AS spent_30,
        count(*) FILTER (kind = 'instalment') AS instalments,
        min(age) FILTER (kind IN ('purchase', 'cash_advance', 'instalment')) AS idle_days
    FROM spent GROUP BY ALL
), categories AS (
    SELECT customer_id, merchant_category,
        row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, merchant_category) AS place
    FROM spent
    WHERE age < 90 AND kind IN ('purchase', 'cash_advance', 'instalment') AND merchant_category IS NOT NULL
    GROUP BY customer_id, merchant_category
), rang AS (
    SELECT customer_id, date_diff('day', event_date, $as_of) AS age, topic, outcome, csat, started_at, queued_at, answered_at, ended_at
    FROM silver.calls
    WHERE known_on <= $as_of AND event_date <= $as_of AND event_date > $as_of - 365 AND direction = 'inbound' AND customer_id IS NOT NULL
), called AS (
    SELECT customer_id,
        count(*) FILTER (age < 7) AS calls_7, count(*) FILTER (age < 30) AS calls_30, count(*) FILTER (age < 90) AS calls_90,
        count(*) FILTER (age < 90 AND topic IN ('fraud', 'card_lost')) AS worries,
        avg(epoch(coalesce(answered_at, ended_at)) - epoch(coalesce(queued_at, started_at)))
            FILTER (age < 90 AND outcome IN ('answered', 'abandoned')) AS wait
    FROM rang GROUP BY ALL
), person AS (
    SELECT * FROM silver.customers_versions WHERE known_on <= $as_of AND (superseded_on IS NULL OR superseded_on > $as_of)
), complained AS (
    SELECT customer_id, count(*) FILTER (closed_at IS NULL OR closed_at >= $as_of + INTERVAL 1 DAY) AS open,
        count(*) FILTER (opened_at >= $as_of + INTERVAL 1 DAY - INTERVAL 365 DAY AND opened_at < $as_of + INTERVAL 1 DAY) AS opened
    FROM silver.tickets_versions
    WHERE known_on <= $as_of AND (superseded_on IS NULL OR superseded_on > $as_of) AND category = 'complaint'
    GROUP BY ALL
), reached AS (
    SELECT customer_id, count(*) AS contacts FROM (
        SELECT customer_id FROM silver.contact_results
        WHERE known_on <= $as_of AND event_date BETWEEN $as_of - 6 AND $as_of AND result NOT IN ('busy', 'no_answer')
        UNION ALL
        SELECT customer_id FROM silver.calls c
        WHERE known_on <= $as_of AND event_date BETWEEN $as_of - 6 AND $as_of AND customer_id IS NOT NULL
            AND direction = 'outbound' AND outcome IN ('answered', 'voicemail')
            AND NOT EXISTS (FROM silver.contact_results r WHERE r.customer_id = c.customer_id AND r.channel = 'call'
                AND r.known_on <= $as_of AND abs(epoch_us(r.attempted_at) - epoch_us(c.started_at)) <= 600_000_000)
    ) GROUP BY ALL
), told AS (
    SELECT customer_id, 'calls_7d' AS tag, CAST(calls_7 AS VARCHAR) AS value FROM called
    UNION ALL SELECT customer_id, 'calls_30d', CAST(calls_30 AS VARCHAR) FROM called
    UNION ALL SELECT customer_id, 'calls_90d', CAST(calls_90 AS VARCHAR) FROM called
    UNION ALL SELECT customer_id, 'repeat_caller_7d', if(calls_7 > 1, 'yes', 'no') FROM called
    UNION ALL SELECT customer_id, 'fraud_worry_90d', if(worries > 0, 'yes', 'no') FROM called
    UNION ALL SELECT customer_id, 'average_wait_90d', CASE WHEN wait < 20 THEN 'under_20_s' WHEN wait < 60 THEN '20_59_s'
        WHEN wait < 180 THEN '60_179_s' ELSE '180_s_over' END FROM called WHERE wait IS NOT NULL
    UNION ALL SELECT customer_id, 'purchase_frequency_90d', CASE WHEN bought_90 = 0 THEN 'none' WHEN bought_90 <= 5 THEN '1_5'
        WHEN bought_90 <= 20 THEN '6_20' WHEN bought_90 <= 60 THEN '21_60' ELSE '61_over' END FROM spending
    UNION ALL SELECT customer_id, 'spend_level_90d', CASE WHEN spent_90 < 0.01 THEN 'none' WHEN spent_90 < 1000 THEN 'under_1k'
        WHEN spent_90 < 5000 THEN '1k_5k' WHEN spent_90 < 20000 THEN '5k_20k' ELSE '20k_over' END FROM spending
    UNION ALL SELECT customer_id, 'purchase_recency_365d', CASE WHEN idle_days <= 7 THEN '0_7_days' WHEN idle_days <= 30 THEN '8_30_days'
        WHEN idle_days <= 90 THEN '31_90_days' ELSE '91_days_over' END FROM spending WHERE idle_days IS NOT NULL
    UNION ALL SELECT customer_id, 'instalment_user_365d', if(instalments > 0, 'yes', 'no') FROM spending
    UNION ALL SELECT customer_id, 'spend_trend_30d', CASE WHEN spent_30 < (spent_90 - spent_30) / 4 THEN 'down'
        WHEN spent_30 > (spent_90 - spent_30) * 0.75 THEN 'up' ELSE 'steady' END FROM spending WHERE spent_90 > spent_30
    UNION ALL SELECT customer_id, 'favourite_category_90d', merchant_category FROM categories WHERE place = 1
    UNION ALL SELECT customer_id, 'vip', if(star_level >= 6, 'yes', 'no') FROM person WHERE star_level IS NOT NULL
    UNION ALL SELECT customer_id, 'marketing_consent', if(marketing_consent, 'yes', 'no') FROM person WHERE marketing_consent IS NOT NULL
    UNION ALL SELECT customer_id, 'tenure_band', CASE WHEN date_sub('year', opened_on, $as_of) < 1 THEN 'under_1_year'
        WHEN date_sub('year', opened_on, $as_of) < 3 THEN '1_2_years' WHEN date_sub('year', opened_on, $as_of) < 5 THEN '3_4_years'
        WHEN date_sub('year', opened_on, $as_of) < 10 THEN '5_9_years' ELSE '10_years_over' END
        FROM person WHERE opened_on <= $as_of
    UNION ALL SELECT customer_id, 'open_complaint', if(open > 0, 'yes', 'no') FROM complained
    UNION ALL SELECT customer_id, 'complaints_365d', CAST(opened AS VARCHAR) FROM complained
    UNION ALL SELECT customer_id, 'contacts_7d', CAST(contacts AS VARCHAR) FROM reached
)
-- A customer without any row of a feed has none of it, which is a value as well.
SELECT p.customer_id, t.tag, coalesce(told.value, t.otherwise) AS value
FROM (SELECT DISTINCT customer_id FROM features.customer_measures WHERE as_of = $as_of) AS p
CROSS JOIN (VALUES ('calls_7d', '0'), ('calls_30d', '0'), ('calls_90d', '0'), ('repeat_caller_7d', 'no'), ('fraud_worry_90d', 'no'),
    ('average_wait_90d', NULL), ('purchase_frequency_90d', 'none'), ('spend_level_90d', 'none'), ('purchase_recency_365d', NULL),
    ('instalment_user_365d', 'no'), ('spend_trend_30d', NULL), ('favourite_category_90d', NULL), ('vip', NULL),
    ('marketing_consent', NULL), ('tenure_band', NULL), ('open_complaint', 'no'), ('complaints_365d', '0'), ('contacts_7d', '0')) AS t(tag, otherwise)
LEFT JOIN told ON told.customer_id = p.customer_id AND told.tag = t.tag
WHERE coalesce(told.value, t.otherwise) IS NOT NULL
ORDER BY ALL
