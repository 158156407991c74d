"""Personal data in texts (law 8): no value of a tagged column is left, and the rest stays readable."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.pii import ANY_COLUMN, mask, mask_addresses

M = "[masked]"
COLUMNS = ("email", "phone")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # name, sign, value
        ("email=bob@x", f"email={M}"),
        ("email = bob@x, next", f"email = {M}, next"),
        ("email: bob@x; next", f"email: {M}; next"),
        ("email == 'bob@x' failed", f"email == '{M}' failed"),
        ("email != bob@x.", f"email != {M}."),
        ("EMAIL is bob@x and late", f"EMAIL is {M} and late"),
        ("email is not 'bob@x'", f"email is not '{M}'"),
        ("email like 'bob%'", f"email like '{M}'"),
        ("users.email=bob@x", f"users.email={M}"),
        ('"email" = "bob@x"', f'"email" = "{M}"'),
        ("`email` = `bob x`", f"`email` = `{M}`"),
        ("row['email'] = 'bob x, y'", f"row['email'] = '{M}'"),
        ("email::text = 'bob'", f"email::text = '{M}'"),
        ("email => bob", f"email => {M}"),
        # quoted values end at their quote, bare ones at a sign
        (r"email='bo\'b x' and", f"email='{M}' and"),
        ("email='bo''b x' and", f"email='{M}' and"),
        ("email='cut off in the midd\nnext line", f"email='{M}\nnext line"),
        ("(email=bob@x)", f"(email={M})"),
        ("email: Anna O'Neil Secret found", f"email: {M} found"),
        ("phone: +49 170 1234567 is used", f"phone: {M} is used"),
        ("phone=(0170) 12", f"phone=({M}) 12"),
        # lists
        ("email in ('a@x', 'b) c@x') now", f"email in ({M}) now"),
        ("email not in (a@x, (b@x)) now", f"email not in ({M}) now"),
        ('"email": ["a@x", "b@x"]}', f'"email": [{M}]}}'),
        # JSON, and JSON within JSON
        ('{"email": "bob@x", "n": 1}', f'{{"email": "{M}", "n": 1}}'),
        ('{"phone": 4917012, "n": 1}', f'{{"phone": {M}, "n": 1}}'),
        (r'"{\"email\": \"bob@x\", \"n\": 1}"', rf'"{{\"email\": \"{M}\", \"n\": 1}}"'),
        # without a sign, when it looks like a value
        ("phone 4917012345678 twice", f"phone {M} twice"),
        ("phone number 4917012345678", f"phone number {M}"),
        ("email column bob@x", f"email column {M}"),
        ("phone numbers look odd", "phone numbers look odd"),
        ("column email has gone", "column email has gone"),
        ("email, phone and 12 more", "email, phone and 12 more"),
        # what is no value
        ("email is null in 12 rows", "email is null in 12 rows"),
        ("email: None", "email: None"),
        ("email is missing", "email is missing"),
        ("email is not unique", "email is not unique"),
        ("user_email=bob", "user_email=bob"),
        ("emails=3", "emails=3"),
        ("amount=3", "amount=3"),
        # the value first
        ("'bob x' in column email", f"'{M}' in column email"),
        ('invalid value "12" for phone', f'invalid value "{M}" for phone'),
        # PostgreSQL
        ("Key (email)=(bob@x) already exists.", f"Key (email)=({M}) already exists."),
        ("Key (email)=(Bob :) X) already exists.", f"Key (email)=({M}) already exists."),
        ("Key (tenant, email)=(7, bob@x) is not present", f"Key (tenant, email)=({M}) is not present"),
        ("Key (lower(email::text))=(bob@x) already exists", f"Key (lower(email::text))=({M}) already exists"),
        ("Key (id)=(7) already exists.", "Key (id)=(7) already exists."),
        ("DETAIL: Failing row contains (7, bob@x, null).", f"DETAIL: Failing row contains ({M})."),
        ('COPY users, line 3: "7\tBob"', f'COPY users, line 3: "{M}"'),
        # others
        ("Duplicate entry 'bob x' for key 'users.u'", f"Duplicate entry '{M}' for key 'users.u'"),
        ('Duplicate key "email: bob" violates', f'Duplicate key "email: {M}" violates'),
        ("INSERT INTO t VALUES (1, 'Bob')", f"INSERT INTO t VALUES ({M})"),
        ("[parameters: ('bob', 12)]", f"[parameters: {M}]"),
    ],
)
def test_the_value_of_a_tagged_column_is_masked_and_nothing_else(text: str, expected: str) -> None:
    assert mask(text, COLUMNS) == expected
    assert mask(expected, COLUMNS) == expected, "masked twice is masked once"


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("row 3 holds Anna Secret.", {"anna secret"}, f"row 3 holds {M}."),
        ("4,917,012 and 4917012", {"4917012.0"}, f"{M} and {M}"),
        ("O''Neil", {"O'Neil"}, M),
        ("M\\u00fcller", {"Müller"}, M),
        ("İ then Anna", {"anna"}, f"İ then {M}"),
        ("abcXdef", {"abcX", "Xdef"}, M),
        ("anna, annabel", {"anna", "annabel"}, f"{M}, {M}"),
        ("12 of DE", {"12", "DE"}, "12 of DE"),
        ("email=bob x", {"bob x"}, f"email={M}"),
    ],
)
def test_known_values_are_masked_wherever_they_occur(text: str, values: set[str], expected: str) -> None:
    assert mask(text, COLUMNS, values) == expected


def test_without_columns_and_values_a_text_stays() -> None:
    """Else every description would lose what follows a colon."""
    text = "email=bob@x VALUES (1) Failing row contains (1)"
    assert mask(text, ()) == text


def test_when_the_columns_are_not_known_the_whole_text_is_masked() -> None:
    assert mask("anything", {ANY_COLUMN}) == M
    assert mask("", {ANY_COLUMN}) == ""


@pytest.mark.parametrize("name", ["E-Mail (work)", "a#b", "c++", "tel. nr"])
def test_a_columns_name_is_taken_literally(name: str) -> None:
    assert mask(f"{name}=bob", [name]) == f"{name}={M}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask bob.x+y@mail.example.com, now", f"ask {M}, now"),
        ("<bob@x.com>", f"<{M}>"),
        ("mailto:bob@x.com?a", f"mailto:{M}?a"),
        ("bob%40x.com", M),
        ('"bob x"@x.com', M),
        ("bob@x.com,ann@x.com", f"{M},{M}"),
        ("jürgen@bücher.de", M),
        ("x" * 80 + "@x.com", M),
        ("@dg.asset is a decorator", "@dg.asset is a decorator"),
        ("no address", "no address"),
    ],
)
def test_an_address_is_masked_whole(text: str, expected: str) -> None:
    assert mask_addresses(text) == expected


@given(
    st.sampled_from(["email={}", 'x "email": "{}" y', "Key (email)=({}) already exists", "email in ('{}')"]),
    st.text(alphabet="abcXYZ019@.-_+", min_size=3, max_size=20),
)
def test_no_value_survives_in_the_forms_that_are_known(form: str, value: str) -> None:
    assert value not in mask(form.format(value), ["email"])


@pytest.mark.parametrize(
    "part",
    ["email=", "email='", "(", ")=(", "(email)=(", "email is ", "a@", "a@b.", "'", "\\", 'email="\\"', "x",
     "email in (", "values (", "[parameters: ", "duplicate entry '", "email ", "'a' in column "],
)  # fmt: skip
def test_the_time_grows_with_the_text_and_not_faster(part: str) -> None:
    """An error may quote megabytes, and a tick has to end."""
    text = part * (300_000 // len(part))
    began = time.perf_counter()
    mask_addresses(mask(text, COLUMNS, [f"value {n}" for n in range(5000)]))
    assert time.perf_counter() - began < 8
