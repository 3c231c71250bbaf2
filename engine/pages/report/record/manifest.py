"""The circumstances of a run, as its manifest.json states them."""

from collections.abc import Iterator

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from engine.run_folder.manifest import surroundings

ORDER = 95


def section(outcome: Outcome) -> Section:
    """The circumstances that an equal run needs: config, seed, code, versions, machine."""
    about = surroundings()
    return fill(
        "manifest.html",
        "Manifest",
        folded=True,
        about="config id, seed, code, versions, machine",
        facts=list(
            _facts(outcome, about["code_digest"], about["git"].get("commit", ""), bool(about["git"].get("diff")))
        ),
        versions=about["versions"],
        machine=about["machine"],
    )


def _facts(outcome: Outcome, code: str, commit: str, dirty: bool) -> Iterator[tuple[str, str]]:
    yield "Config id", outcome.config_id
    yield "Engine", outcome.result.engine
    yield "Seed", str(outcome.config["seed"])
    yield "Time zone of the sessions", outcome.result.zone
    yield "Code digest", code
    if commit:
        yield "Commit", commit + (", with uncommitted changes" if dirty else "")
    if outcome.tried:
        yield "Settings tried on these data", f"{outcome.tried.count:,}"
