"""Feeds of the card business: customers, their cards, and what they spent."""

from jobs.tables.contract import Feed
from jobs.tables.fields import day, flag, identifier, instant, money, string, whole

CARDS = "card-data"
"""Who answers for these feeds."""

TRANSACTION_KINDS = ("purchase", "refund", "repayment", "cash_advance", "instalment", "fee")
TRANSACTION_STATES = ("posted", "declined", "disputed", "reversed")
TRANSACTION_CHANNELS = ("pos", "online", "phone_bank", "app", "atm")

CUSTOMERS = Feed(
    name="customers",
    about="One row per customer",
    key=("customer_id",),
    event="updated_at",
    owner=CARDS,
    subject="customers",
    keeps_versions=True,
    ends="closed_on",
    columns=(
        identifier("customer_id", "The customer", required=True),
        string("name", "Full name", personal=True),
        string("phone", "Phone number", personal=True),
        string("id_number", "Number of the identity document", personal=True),
        string("email", "E-mail address", personal=True),
        string("wechat_id", "WeChat account", personal=True),
        string("gender", "Gender as the customer gave it"),
        day("birth_date", "Date of birth"),
        string("occupation", "Occupation"),
        string("city", "City of residence"),
        string("region", "Region of residence"),
        string("country", "Country of residence"),
        whole("star_level", "Star level, 1 to 7", between=(1, 7)),
        day("opened_on", "Customer since"),
        day("closed_on", "Customer until, null while open"),
        string("time_zone", "IANA time zone of the customer"),
        flag("marketing_consent", "Consent to marketing"),
        flag("call_consent", "Consent to be called"),
        flag("sms_consent", "Consent to text messages"),
        flag("profiling_objection", "Objection to profiling"),
        flag("vulnerable", "Needs particular care"),
        flag("legal_hold", "Held for legal reasons"),
        instant("updated_at", "When the source last changed the row", required=True),
    ),
)

CARD_ACCOUNTS = Feed(
    name="cards",
    about="One row per card",
    key=("card_id",),
    event="updated_at",
    owner=CARDS,
    subject="customers",
    keeps_versions=True,
    ends="closed_on",
    columns=(
        identifier("card_id", "The card", required=True),
        identifier("customer_id", "The customer", required=True),
        string("product", "Card product"),
        day("opened_on", "Day of issue"),
        day("closed_on", "Day on which it was closed"),
        money("credit_limit", "Credit limit"),
        string("status", "State of the card"),
        instant("updated_at", "When the source last changed the row", required=True),
    ),
)

TRANSACTIONS = Feed(
    name="transactions",
    about="One row per posted transaction",
    key=("transaction_id",),
    event="posted_at",
    owner=CARDS,
    subject="transactions",
    optional=False,
    columns=(
        identifier("transaction_id", "The transaction", required=True),
        identifier("customer_id", "The customer", required=True),
        identifier("card_id", "The card"),
        instant("posted_at", "When it was posted", required=True),
        money("amount", "Amount, positive = money spent by the customer", required=True),
        string("currency", "ISO 4217 code of the amount", required=True),
        string("kind", "Kind of transaction", required=True, values=TRANSACTION_KINDS),
        string("status", "State of the transaction", values=TRANSACTION_STATES),
        identifier("original_transaction_id", "The transaction that this one corrects"),
        whole("instalment_months", "Number of monthly instalments"),
        money("fee_amount", "Fee within the amount"),
        identifier("merchant_id", "The merchant"),
        string("merchant_category", "Merchant category"),
        string("merchant_city", "City of the merchant"),
        string("merchant_region", "Region of the merchant"),
        string("merchant_country", "Country of the merchant"),
        string("channel", "Where it was made", values=TRANSACTION_CHANNELS),
    ),
)

STATEMENTS = Feed(
    name="statements",
    about="One row per card statement",
    key=("card_id", "closed_on"),
    event="closed_on",
    owner=CARDS,
    subject="statements",
    keeps_versions=True,
    columns=(
        identifier("card_id", "The card", required=True),
        identifier("customer_id", "The customer", required=True),
        day("closed_on", "Day on which the statement was closed", required=True),
        day("due_on", "Day on which it is due"),
        money("amount_due", "Amount due"),
        money("minimum_due", "Least amount due"),
        money("balance", "Balance of the card"),
        day("paid_on", "Day on which it was paid"),
        instant("updated_at", "When the source last changed the row", required=True),
    ),
)
