"""Great Expectations' Data Docs, with every text of people or data escaped.

Its templates put descriptions, values and expressions into pages as they are, so a category could
be a script. It gets results whose texts are escaped; what it then escapes again is put right.
"""

import html
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    expectationSuiteValidationResultSchema,
)
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

# `&lt;`, escaped again.
_TWICE = re.compile(r"&amp;(amp|lt|gt|quot|#39|#x27|#36|#92|#123|#125);")
# A `$` or a brace is a place to be filled in, and a backslash ends a text of a script early.
_MORE = str.maketrans({"$": "&#36;", "\\": "&#92;", "{": "&#123;", "}": "&#125;"})


def write_pages(
    context: EphemeralDataContext,
    runs: Mapping[str, ExpectationSuiteValidationResult],
    folder: Path,
) -> str:
    """Write results as pages in place of earlier ones and return the first page's address."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, result in runs.items():
        # What a validation definition would do. It would also compare each expectation with each.
        run = RunIdentifier()
        result.meta["run_id"], result.meta["validation_time"] = run, run.run_time
        result.meta["batch_parameters"] = None
        result.meta["validation_id"] = result.meta["checkpoint_id"] = None
        suite = ExpectationSuiteIdentifier(name=result.suite_name)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=suite, run_id=run, batch_identifier=name
        )
        context.validation_results_store.set(key, _escaped(result))
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "docs",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder.absolute()),
            },
        },
    )
    address = str(context.build_data_docs()["docs"])
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_TWICE.sub(r"&\1;", text), encoding="utf-8")
    return address


def escape(text: str) -> str:
    """Write a text so that a page, or a script in it, shows it and does nothing else.

    >>> escape("<b> & $x")
    '&lt;b&gt; &amp; &#36;x'
    """
    return html.escape(text).translate(_MORE)


def _escaped(result: ExpectationSuiteValidationResult) -> ExpectationSuiteValidationResult:
    """Escape the texts of a result, names of classes apart."""
    content: dict[str, Any] = result.to_json_dict()  # type: ignore[no-untyped-call] # theirs
    for item in content["results"]:
        config = item["expectation_config"]
        for key in {"kwargs", "meta", "description", "notes", "rendered_content"} & config.keys():
            config[key] = _texts_escaped(config[key])
        for key in {"result", "meta", "exception_info", "rendered_content"} & item.keys():
            item[key] = _texts_escaped(item[key])
    loaded: ExpectationSuiteValidationResult = expectationSuiteValidationResultSchema.load(content)
    return loaded


def _texts_escaped(value: object) -> object:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, list):
        return [_texts_escaped(item) for item in value]
    if isinstance(value, dict):
        return {_texts_escaped(key): _texts_escaped(item) for key, item in value.items()}
    return value
