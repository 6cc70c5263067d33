import pytest

from tests.infra.query.bench_query import main


def test_the_benchmark_reads_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    main(80)

    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("80 rows in 8 objects")
    assert [line[:16].strip() for line in lines] == [
        "jsonl",
        "its image",
        "its values",
        "jsonl, no image",
        "csv",
    ]
    assert all("own reader" in line for line in lines)
