"""The files for containers: linted, consistent with each other, and their commands are commands of the program."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from running_service import ROOT, Process

from engine.cli.commands.serve_command import serve
from engine.cli.main import app

DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def instructions():
    """The instructions of the Dockerfile, one a line, without comments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, rest in lines]


def test_the_dockerfile_is_linted():
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_serves_as_an_ordinary_user(instructions):
    steps = dict(instructions)
    assert steps["ENTRYPOINT"] == '["python", "run_backtest.py"]'
    assert steps["USER"] == "1000"
    assert '".[serve]"' in " ".join(rest for name, rest in instructions if name == "RUN")
    assert "127.0.0.1:8000/ready" in steps["HEALTHCHECK"]


def test_both_files_have_the_same_command_and_it_is_one_of_the_program(compose, instructions):
    words = compose["services"]["service"]["command"]
    assert dict(instructions)["CMD"] == str(words).replace("'", '"')
    assert words[0] == "serve"
    context = serve.make_context("serve", list(words[1:]))
    assert (context.params["host"], context.params["port"]) == ("0.0.0.0", 8000)  # noqa: S104 - inside a container


def test_the_parts_fit_together(compose):
    services = compose["services"]
    database = services["database"]["environment"]
    url = services["service"]["environment"]["BTML_DB"]
    assert url.startswith(f"postgresql://{database['POSTGRES_USER']}:")
    assert url.endswith(f"@database/{database['POSTGRES_DB']}")
    assert (ROOT / "deploy" / services["service"]["build"]["context"] / "deploy" / "Dockerfile").exists()
    assert all(port.startswith("127.0.0.1:") for part in services.values() for port in part.get("ports", []))
    assert services["service"]["secrets"] == ["tokens"]
    assert set(compose["secrets"]) == {"tokens", "client_token"}
    prometheus = YAML(typ="safe").load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    assert prometheus["static_configs"] == [{"targets": ["service:8000"]}]
    assert prometheus["authorization"] == {"credentials_file": "/run/secrets/client_token"}
    assert services["prometheus"]["secrets"] == ["client_token"]


def test_the_commands_of_the_page_name_the_services(compose):
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    lines = [shlex.split(line) for line in page.splitlines() if line.startswith("docker ")]
    assert len(lines) == 2
    for words in lines:
        assert words[:4] == ["docker", "compose", "-f", "deploy/compose.yaml"]
    assert lines[0][4:7] == ["run", "--no-deps", "service"]
    name, *rest = lines[0][7:]
    assert app.commands[name].make_context(name, rest).params["folder"] == Path(
        compose["services"]["service"]["command"][1]
    )


@pytest.mark.slow
def test_its_command_serves_with_postgresql_and_prometheus_token(compose, rule_bundle, postgres, tmp_path):
    """The command of the compose file as a process, with its places and address exchanged."""
    tokens = tmp_path / "tokens"
    tokens.write_text("client-token-0123456789\nadmin-token-0123456789\n")
    places = {"/bundles/model": str(rule_bundle.folder), "/run/secrets/tokens": str(tokens)}
    places[compose["services"]["service"]["command"][3]] = "127.0.0.1"
    words = [places.get(word, word) for word in compose["services"]["service"]["command"][1:]]
    running = Process(words[0], *words[1:], "--db", postgres.new_database())
    try:
        with running.client() as client:
            assert client.get("/ready").status_code == 200
            assert client.get("/metrics").status_code == 401
            scraped = client.get("/metrics", headers={"Authorization": "Bearer client-token-0123456789"})
            assert "btml_model_info" in scraped.text
    finally:
        assert running.stop() == 0


def test_other_addresses_need_a_token(rule_bundle, tmp_path):
    done = CliRunner().invoke(app, ["serve", str(rule_bundle.folder), "--host", "0.0.0.0"])  # noqa: S104 - refused
    assert done.exit_code == 1
    assert "other machines reach this address; state --token-file FILE" in str(done.exception)
