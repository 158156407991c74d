"""Golden files: `UPDATE_GOLDEN=1 pytest …` writes them anew; read the difference before keeping it."""

import json
import os
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "golden"


def assert_looks_as_it_did(name: str, drawn: Any) -> None:
    file = _FOLDER / f"{name}.json"
    text = json.dumps(drawn, ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
