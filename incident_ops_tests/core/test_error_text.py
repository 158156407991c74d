"""Error texts: no credential leaves (law 8), what surrounds it stays readable, and errors keep their identity."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.error_text import error_signature, errors_of_dbt, normalise, redact, shorten

R = "[redacted]"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # URLs
        ("postgresql://ann:s3cret@db.test:5432/shop", f"postgresql://ann:{R}@db.test:5432/shop"),
        ("postgresql+psycopg://ann:p@ss@db.test/x refused", f"postgresql+psycopg://ann:{R}@db.test/x refused"),
        ("mysql://ann:p/a@s/s@db.test/x", f"mysql://ann:{R}@db.test/x"),
        ("redis://:s3cret@cache:6379/0", f"redis://:{R}@cache:6379/0"),
        ("postgresql://ann@server:s3cret@db.test/x", f"postgresql://ann@server:{R}@db.test/x"),
        ("https://blob.test/c?sv=1&sig=aB%2Bc%3D&se=2", f"https://blob.test/c?sv=1&sig={R}&se=2"),
        ("https://s3.test/k?X-Amz-Signature=abc123&x=1", f"https://s3.test/k?X-Amz-Signature={R}&x=1"),
        ("https://api.test/x?api_key=abc&page=2", f"https://api.test/x?api_key={R}&page=2"),
        # key=value, quoted and not
        ("password=hunter2", f"password={R}"),
        ("PGPASSWORD=hunter2 psql -h db", f"PGPASSWORD={R} psql -h db"),
        ("DB_PASS=hunter2", f"DB_PASS={R}"),
        ("connect(user='ann', password='a b, c')", f"connect(user='ann', password={R})"),
        ('{"user": "ann", "client_secret": "a\\"b"}', f'{{"user": "ann", "client_secret": {R}}}'),
        ("{'token': 'abc', 'n': 1}", f"{{'token': {R}, 'n': 1}}"),
        ("aws_secret_access_key: abc/def+ghi=", f"aws_secret_access_key: {R}"),
        ("f(api_key=abc)", f"f(api_key={R})"),
        ('password="cut off in the midd', f"password={R}"),
        ("routing-key => abc", f"routing-key => {R}"),
        ("pg_dump --password hunter2 --verbose", f"pg_dump --password {R} --verbose"),
        # options of command lines
        ("curl -u admin:topsecret9 https://x.test", f"curl -u admin:{R} https://x.test"),
        ("curl --user admin:top:s/ecret@9 -v", f"curl --user admin:{R} -v"),
        ("curl --user=admin:topsecret9", f"curl --user=admin:{R}"),
        ("curl -uadmin:topsecret9 x", f"curl -uadmin:{R} x"),
        ("curl -u 'admin:top secret' x", f"curl -u 'admin:{R}' x"),
        ("'curl -u admin:topsecret9' failed", f"'curl -u admin:{R}' failed"),
        ("['curl', '-u', 'admin:topsecret9']", f"['curl', '-u', 'admin:{R}']"),
        ("mysql -pS3cr3tpw", f"mysql -p{R}"),
        ("mysqldump -h db -u root -pS3cr3tpw shop", f"mysqldump -h db -u root -p{R} shop"),
        ("mysql -p'S3 cr3t' shop", f"mysql -p{R} shop"),
        ("['mysql', '-uroot', '-pS3cr3tpw']", f"['mysql', '-uroot', '-p{R}']"),
        ("mysql -pone && mysql -ptwo", f"mysql -p{R} && mysql -p{R}"),
        # addresses without a scheme
        ("user:pass123@host:5432", f"user:{R}@host:5432"),
        ("no route to ann:p@s:s/1@db:5432/x", f"no route to ann:{R}@db:5432/x"),
        ("(ann:pass123@db.test)", f"(ann:{R}@db.test)"),
        ("ann@corp:pass123@10.0.0.1/x", f"ann@corp:{R}@10.0.0.1/x"),
        ("dsn=ann:pass123@db.test/x", f"dsn=ann:{R}@db.test/x"),
        # spaces in a URL's password
        ("postgres://u:abc def@h", f"postgres://u:{R}@h"),
        ("cannot reach postgres://u:abc def ghi@h:1/x now", f"cannot reach postgres://u:{R}@h:1/x now"),
        # JDBC, ODBC, ADO
        ("jdbc:postgresql://db/x?user=ann&password=s3cret", f"jdbc:postgresql://db/x?user=ann&password={R}"),
        ("jdbc:oracle:thin:scott/tiger@//db:1521/x", f"jdbc:oracle:thin:scott/{R}@//db:1521/x"),
        ("DRIVER={ODBC 18};UID=ann;PWD={a;b c};DB=x", f"DRIVER={{ODBC 18}};UID=ann;PWD={R};DB=x"),
        ("Server=db;User Id=ann;Password=a)b,c;Encrypt=yes", f"Server=db;User Id=ann;Password={R};Encrypt=yes"),
        ("AccountName=x;AccountKey=abc==;Suffix=y", f"AccountName=x;AccountKey={R};Suffix=y"),
        # tokens that show by themselves
        ("Authorization: Bearer abc.def-ghi_jkl", f"Authorization: Bearer {R}"),
        (f"basic {base64.b64encode(b'ann:hunter2').decode()}", f"basic {R}"),
        ("key AKIAIOSFODNN7EXAMPLE is unknown", f"key {R} is unknown"),
        ("cloning with ghp_abcdefghij0123456789 failed", f"cloning with {R} failed"),
        ("github_pat_11ABCDEFG0abcdefghij_klm", R),
        ("slack said no to xoxb-1234-5678-abcdef", f"slack said no to {R}"),
        ("xapp-1-A0B1-222-abc", R),
        ("https://hooks.slack.com/services/T0/B0/xyz", f"https://hooks.slack.com/services/{R}"),
        (f"sent {JWT} there", f"sent {R} there"),
        (f"key:\n{PEM}\nend", f"key:\n{R}\nend"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", R),
    ],
)
def test_credentials_are_taken_out_and_the_rest_stays_readable(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 rows without a price",
        "Kansas: 3 rows, Arkansas = 4",
        "basic authentication failed for user ann",
        "unexpected token: }",
        "see http://127.0.0.1:3000/runs/1b2c?tab=x#y",
        "mail ann@acme.test, or see https://acme.test/a@b",
        "division by zero in orders.py:17",
        "column pwdx of the compass is null",
        "sk-learn and dapi are libraries",
        "meet at 10:30@office",
        "a:b@c",
        "note: mail bob@acme.test",
        "owner:bob@acme.test, mailto:ann@acme.test",
        "see http://localhost:3000 or mail bob@acme.test",
        "http://localhost:3000, then bob@acme.test",
        "git@github.com:acme/shop.git",
        "acme/shop:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015",
        "pkg:npm/left-pad@1.2.3",
        "psql -p 5432 -U ann",
        "psql -p5432",
        "mysql -p shop",
        "mysql -P3306 -p",
        "mkdir -parents; find . -path x -print",
        "docker run -u 1000:1000 shop",
        "curl -u ann https://acme.test:8443/x",
        "jdbc:postgresql://db.test:5432/x",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "api_token = [masked] (50 % of all rows)",
    ],
)
def test_innocent_texts_are_left_alone(text: str) -> None:
    """A message that loses its words to a false alarm cannot be acted on."""
    assert redact(text) == text


passwords = st.text(st.sampled_from("abcXYZ0189!#$%()*+,-./:<=>?@[]^_{|}~é"), min_size=8, max_size=24).map(
    lambda tail: f"pW7{tail}Q"
)

FORMS = [
    "postgresql://ann:{}@db.test/x",
    "could not reach mongodb+srv://ann@corp:{}@db.test:1/x?y=1 (timeout)",
    "password={}",
    "Password={};Encrypt=yes",
    "PGPASSWORD={} psql",
    "jdbc:sqlserver://db;user=ann;password={};x=y",
    '"api_key": "{}"',
    "connect(password='{}', host='db')",
    "Authorization: Bearer {}",
    "--password {} --host db",
    "curl -u ann:{} https://db.test",
    "mysql -p{} shop",
    "no route to ann:{}@db:5432",
]


@given(st.sampled_from(FORMS), passwords)
def test_a_password_survives_in_no_form(form: str, password: str) -> None:
    """Passwords hold anything: `@`, `/`, commas and brackets must not end them."""
    assert password not in redact(form.format(password))
    assert password[4:] not in redact(form.format(password)), "no part of it either"


PIECES = (
    "password token = : ; , & ? / @ :// ' \" { } -- Bearer basic sig= jdbc:oracle:thin: x xoxb-123456 [redacted]"
    " -u mysql -p ann: @db.test @db:5432 //"
)
fragments = st.sampled_from([*PIECES.split(), " ", "\n", "Bearer ", "basic ", "-----BEGIN PRIVATE KEY-----", JWT])


@given(st.text() | st.lists(fragments, max_size=14).map("".join))
def test_redacting_never_raises_and_twice_is_once(text: str) -> None:
    """Texts pass through several hands; each may redact again."""
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        *("1", "a.", "token", "://:", "a://b:c", "password ", '"', "-----BEGIN PRIVATE KEY"),
        *("-u a:", '-u a:"', "mysql ", "mysql -p", "a:(", "a:@", "://a:b ", "a b:c@d.", "(a", "a:b@1.", "@"),
    ],
)
def test_a_huge_error_text_is_redacted_in_no_time(piece: str) -> None:
    """A quoted blob of 50 kB once took minutes: detection would have stood still."""
    began = time.process_time()
    redact(piece * (50_000 // len(piece)))
    assert time.process_time() - began < 3


# ---- identity of errors


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("batch 4711 failed", "batch 12 failed"),
        ("3.5 % of 1,000 rows", "12 % of 20 rows"),
        ("no file /var/a1/b.csv", "no file /srv/data/x/y.csv"),
        (r"no file C:\data\x.csv", r"no file D:\other\y.csv"),
        ("run 0f8fad5b-d9cb-469f-a165-70867728950e died", "run 7c9e6679-7425-40de-944b-e07fc1f90ae7 died"),
        ("<X object at 0x7f3a2b>", "<X object at 0x10ffee>"),
        ("since 2026-11-20T09:00:00Z", "since 2025-01-02 11:30"),
        ("since 2026-11-20", "since 2026-11-21T01:02:03.5+02:00"),
        ("commit 3f9a2b1c7 is bad", "commit 0d12ab34ef is bad"),
        ("two  spaces\nand lines", "two spaces and lines"),
        ("login with password=abc1 failed", "login with password=xyz failed"),
    ],
)
def test_the_same_error_with_other_numbers_has_the_same_signature(one: str, other: str) -> None:
    assert error_signature("ValueError", one) == error_signature("ValueError", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ValueError", "price is null"), ("ValueError", "customer is null")),
        (("ValueError", "price is null"), ("KeyError", "price is null")),
        (("ValueError", "x"), ("ValueError", "")),
    ],
)
def test_different_errors_have_different_signatures(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert error_signature(*one) != error_signature(*other)


def of_dbt(*errors: str, model: str = "third") -> str:
    """As dagster-dbt 0.29 words it."""
    quoted = "\n\n".join(["", "Errors parsed from dbt logs:", *errors]) if errors else ""
    return (
        f"The dbt CLI process with command\n\n`dbt build --select small.{model}`\n\n"
        "failed with exit code `1`. Check the stdout in the Dagster compute logs for the full information about "
        f"the error, or view the dbt debug log: /srv/target/{model}/dbt.log.{quoted}"
    )


LOCKED = "Runtime Error in model third (models/third.sql)\n  IO Error: Could not set lock on file"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            of_dbt(
                "2 of 2 FAIL 25 not_null_id ................ [\x1b[31mFAIL 25\x1b[0m in 0.12s]",
                "\x1b[31mFailure in test not_null_id (models/models.yml)\x1b[0m",
                "  Got 25 results, configured to fail if != 0",
                "Completed with 1 error, 0 partial successes, and 0 warnings:",
            ),
            "FAIL 25 not_null_id; Failure in test not_null_id (models/models.yml); "
            "Got 25 results, configured to fail if != 0",
        ),
        (
            of_dbt(LOCKED, LOCKED),
            "Runtime Error in model third (models/third.sql); IO Error: Could not set lock on file",
        ),
        (of_dbt(), of_dbt()),
        ("column id is missing", "column id is missing"),
    ],
    ids=["a test that failed", "an error told twice", "without an error in the log", "not dbt's"],
)
def test_of_a_failed_dbt_command_the_errors_of_its_log_are_told(message: str, expected: str) -> None:
    """The command and the advice around them come first and fill every line that there is."""
    assert errors_of_dbt(message) == expected


def test_placeholders_say_what_stood_there() -> None:
    text = "at 2026-11-20 09:00 run 0f8fad5b-d9cb-469f-a165-70867728950e wrote 12 rows to /srv/a/b.csv"
    assert normalise(text) == "at <time> run <id> wrote <n> rows to <path>"


def test_the_tail_of_a_long_message_does_not_count() -> None:
    """Tails tend to hold data, which differs each time."""
    assert error_signature("E", "x " * 300 + "ann") == error_signature("E", "x " * 300 + "bob")


@given(st.text(max_size=60), st.integers(min_value=0, max_value=80))
def test_a_shortened_text_fits(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or len(text) > limit


def test_what_was_cut_is_counted() -> None:
    assert shorten("x" * 2_000, 40) == "x" * 12 + " … (2,000 characters in all)"
