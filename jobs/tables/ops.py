"""Ops: what ran, what came in, and which dates are complete."""

from jobs.tables.contract import Column, Kind, Table


def _table(name: str, about: str, key: tuple[str, ...], columns: tuple[Column, ...], partition: str | None) -> Table:
    return Table(
        name=name,
        about=about,
        key=key,
        columns=columns,
        kind=Kind.RECORD,
        owner="platform",
        subject="operations",
        impact="Nobody can say what ran.",
        partition=partition,
        statistics=("ds",),
    )


BATCHES = _table(
    "ops.batches",
    "One row per feed, batch and file: rows in = landed + quarantined",
    ("feed", "ds", "file"),
    (
        Column("feed", "string", "The feed", required=True),
        Column(
            "ds",
            "date",
            "Business date of the batch, null for rows that do not say, or whose own is not read from the file",
        ),
        Column(
            "file",
            "string",
            "The file below the landing root, of a returned list below the delivery root; null when none came",
        ),
        Column("rows_in", "bigint", "Rows of the file that are ours", required=True),
        Column("rows_landed", "bigint", "Rows in bronze", required=True),
        Column("rows_quarantined", "bigint", "Rows in quarantine", required=True),
        Column("file_bytes", "bigint", "Size of the file when it was read, null of a database"),
        Column("file_modified_at", "timestamp", "When the file was last changed (UTC)"),
    ),
    "feed",
)

RUNS = _table(
    "ops.runs",
    "One row per run and table: what was made, how long it took, or why it failed",
    ("run_id", "ds", "table"),
    (
        Column("run_id", "string", "The run", required=True),
        Column("ds", "date", "Business date", required=True),
        Column("table", "string", "The table", required=True),
        Column("state", "string", "done, unchanged or failed", required=True),
        Column("rows", "bigint", "Rows written"),
        Column("seconds", "double", "Time taken"),
        Column("message", "string", "Warnings, or why it failed"),
        Column("code_version", "string", "Version of the code"),
        Column("finished_at", "timestamp", "When it ended (UTC)"),
    ),
    None,
)

REPEAT_CLUSTER_CHANGES = Table(
    name="ops.repeat_cluster_changes",
    about="One row per kind of repeat caller and fit that was promoted: born, kept or ended",
    key=("as_of", "cluster_id"),
    columns=(
        Column("as_of", "date", "Date of the fit", required=True),
        Column("cluster_id", "bigint", "The kind; an id is never used again", required=True),
        Column("cluster_name", "string", "What sets the kind apart", required=True),
        Column("change", "string", "born, kept or ended", required=True, values=("born", "kept", "ended")),
        Column("callers", "bigint", "Callers of the kind in the fit; null = it ended"),
        Column("silhouette", "double", "How well the kinds of this fit lie apart, -1 to 1"),
        Column("stability", "double", "How alike resamples group the callers (adjusted Rand index), 1 = the same"),
        Column("model_version", "string", "Version of the model in MLflow"),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="operations",
    impact="Nobody can say when a kind of callers came and went.",
    statistics=("as_of",),
)

NIGHTS = _table(
    "ops.nights",
    "One row per business date: whether its feeds passed the gate and whether the night is complete",
    ("ds",),
    (
        Column("ds", "date", "Business date", required=True),
        Column("passed_gate_at", "timestamp", "When all feeds had landed and passed the gate (UTC)"),
        Column("completed_at", "timestamp", "When every table of the night was made (UTC), null = not complete"),
        Column("run_id", "string", "The latest run", required=True),
        Column("summary", "string", "The night in a few lines"),
    ),
    None,
)

PII_ACCESS = _table(
    "ops.pii_access",
    "One row per personal value that was shown in clear to a member of staff or handed over in a list; one per export",
    ("accessed_at", "customer_token", "column"),
    (
        Column("accessed_at", "timestamp", "When it was asked for (UTC)", required=True),
        Column("ds", "date", "Day on which it was asked for (UTC)", required=True),
        Column(
            "by",
            "string",
            "Who asked; delivery = the lists of a day; of an export the account of the machine",
            required=True,
        ),
        Column("role", "string", "In which role (conf/roles.yaml); delivery, export = none", required=True),
        Column("customer_token", "string", "Keyed pseudonym (HMAC-SHA-256) of the customer_id", required=True),
        Column("column", "string", "Which value: name, phone, email, ...; all = an export", required=True),
        Column("reason", "string", "Why; null once the person is erased"),
    ),
    None,
)

MODEL_WATCH = Table(
    name="ops.model_watch",
    about="One row per model, date and thing that is watched: drift of inputs and scores, what came true, trainings",
    key=("as_of", "model", "measure", "name"),
    columns=(
        Column("as_of", "date", "Business date", required=True),
        Column("model", "string", "The model", required=True),
        Column(
            "measure",
            "string",
            "input drift and score drift (Jensen-Shannon distance, base 2, from what was learnt); performance (what "
            "was told a horizon ago against what came); training (what one came to)",
            required=True,
            values=("input drift", "score drift", "performance", "training"),
        ),
        Column("name", "string", "The feature, or the metric", required=True),
        Column("found", "double", "What was found"),
        Column("limit", "double", "What it has to keep to; null = none"),
        Column("is_beyond", "boolean", "Whether it does not", required=True),
        Column("model_version", "string", "Version in MLflow, or rule"),
        Column("about", "string", "In words"),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="operations",
    impact="Nobody sees a model grow worse.",
    statistics=("as_of",),
)

DELIVERIES = Table(
    name="ops.deliveries",
    about="One row per day of lists and destination that has them: from the first on the lists are frozen",
    key=("list_on", "destination"),
    columns=(
        Column("list_on", "date", "Day of the lists", required=True),
        Column(
            "destination",
            "string",
            "folder (below the delivery root), or one of conf (delivery): sftp, smtp",
            required=True,
            values=("folder", "sftp", "smtp"),
        ),
        Column("delivered_at", "timestamp", "When they were delivered there (UTC)", required=True),
        Column("files", "bigint", "Files of the delivery beside its manifest", required=True),
        Column("rows", "bigint", "Contacts on all lists of the day", required=True),
        Column("manifest_sha256", "string", "SHA-256 of manifest.json, which has that of each file", required=True),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="operations",
    impact="A list can be changed after it was handed over, or handed over twice.",
    statistics=("list_on",),
)

RETURNED_LISTS = Table(
    name="ops.returned_lists",
    about="One row per list and file in which it came back: rows in = taken + not worked + refused + replaced",
    key=("ds", "file", "list_on", "campaign"),
    columns=(
        Column("ds", "date", "Business date of the batch that took it", required=True),
        Column("file", "string", "What was taken, below the delivery root", required=True),
        Column("list_on", "date", "Day of the list, null where the rows do not say"),
        Column("campaign", "string", "The campaign, null where the rows do not say"),
        Column("rows_in", "bigint", "Rows that are not blank", required=True),
        Column("rows_taken", "bigint", "Rows with a result, in the feed contact_results", required=True),
        Column("rows_not_worked", "bigint", "Rows without a result", required=True),
        Column("rows_refused", "bigint", "Rows in quarantine, each with its reason in the reply", required=True),
        Column("rows_replaced", "bigint", "Rows that a later file of the date told anew", required=True),
    ),
    kind=Kind.RECORD,
    owner="platform",
    subject="operations",
    impact="Contacts that were not worked count as made until results come by the feed.",
    statistics=("ds",),
)

OPS = (BATCHES, RUNS, NIGHTS, PII_ACCESS, REPEAT_CLUSTER_CHANGES, MODEL_WATCH, DELIVERIES, RETURNED_LISTS)
