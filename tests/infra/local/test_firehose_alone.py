"""`infra/local/firehose` outside of this project: alone, under another name, and as a pytest fixture."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
IMPORT_NAME = "ttl_archive.infra.local.firehose"
HELPERS = ("tests/conftest.py", "tests/fakes.py", "tests/streams.py")
# Nothing of this project can be imported, whatever the interpreter finds beside it.
CONFTEST = """
import sys
sys.modules["ttl_archive"] = None
"""


def run_pytest(folder: Path, *args: str, timeout_s: int = 240) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, without the plugins and settings of this project."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def copied(source: Path, to: Path) -> None:
    """Copy a module, or every module of a folder, with the import name changed and nothing else."""
    for path in [source] if source.is_file() else sorted(source.rglob("*.py")):
        copy = to if source.is_file() else to / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8").replace(IMPORT_NAME, "elsewhere"), encoding="utf-8")


def test_the_folder_alone_passes_its_tests_with_only_the_import_name_changed(tmp_path: Path) -> None:
    copied(ROOT / "infra/local/firehose", tmp_path / "elsewhere")
    copied(ROOT / "tests/infra/local/firehose", tmp_path / "tests/firehose")
    for helper in HELPERS:
        copied(ROOT / helper, tmp_path / helper)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    shutil.copy(ROOT / "infra/local/firehose/README.md", tmp_path / "elsewhere/README.md")

    done = run_pytest(tmp_path, "tests")

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 500
    assert "skipped" not in done.stdout


def test_an_outside_project_uses_the_fixture_in_five_lines(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(f'pytest_plugins = ["{IMPORT_NAME}.pytest_fixture"]\n')
    (tmp_path / "orders.py").write_text(
        "import boto3\n\n"
        "def send(data):\n"
        "    client = boto3.client('firehose')\n"
        "    client.put_record(DeliveryStreamName='orders', Record={'Data': data})\n"
        "    client.close()\n"
    )
    (tmp_path / "test_orders.py").write_text(
        "from orders import send\n\n"
        "def test_orders_are_delivered(local_firehose):\n"
        "    local_firehose.create('orders', Prefix='orders/')\n"
        "    send(b'order 1')\n"
        "    assert local_firehose.delivered('orders/') == b'order 1'\n\n"
        "def test_a_function_transforms(local_firehose):\n"
        "    handler = lambda event, _: {'records': [\n"
        "        {'recordId': r['recordId'], 'result': 'Dropped'} for r in event['records']]}\n"
        "    processing = local_firehose.add_function('drop', handler)\n"
        "    local_firehose.create('orders', ProcessingConfiguration=processing)\n"
        "    send(b'order 1')\n"
        "    assert local_firehose.delivered() == b''\n"
        "    assert local_firehose.service.counts('orders').dropped == 1\n"
    )

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    readme = (ROOT / "infra/local/firehose/README.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    (tmp_path / "example.py").write_text(example)

    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("""b'{"id": 1}\\n' 1\n""", 0), done.stderr


def test_the_fixture_lines_of_the_readme_run(tmp_path: Path) -> None:
    readme = (ROOT / "infra/local/firehose/README.md").read_text(encoding="utf-8")
    _, conftest, test, *_ = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_orders.py").write_text(
        "import boto3\n\n\n"
        "def send_order():\n"
        "    client = boto3.client('firehose')\n"
        """    client.put_record(DeliveryStreamName='orders', Record={'Data': b'{"id": 1}\\n'})\n"""
        f"    client.close()\n\n\n{test}"
    )

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout


def test_installing_the_project_adds_no_plugin_to_other_test_runs(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(local_firehose):\n    pass\n")

    done = run_pytest(tmp_path)

    assert done.returncode == 1
    assert "fixture 'local_firehose' not found" in done.stdout
