"""Inspect logs: written by the real package, read without it, and compared with what it reads."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from trueup.errors import UserError
from trueup.sources import detect, read

from .conftest import Load, loaded


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same small evaluation as `.json` and `.eval`, with a model that follows a script."""
    pytest.importorskip("inspect_ai", reason="pip install inspect-ai")
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatMessageUser, ModelAPI, ModelOutput, modelapi
    from inspect_ai.scorer import includes, match
    from inspect_ai.solver import generate, system_message

    class Scripted(ModelAPI):
        async def generate(
            self, input: Any, tools: Any, tool_choice: Any, config: Any
        ) -> ModelOutput:
            if "2+2" in input[-1].text:
                return ModelOutput.from_content("scripted/model", "It is 4.")
            return ModelOutput.from_content("scripted/model", "No.", stop_reason="content_filter")

        async def count_text_tokens(self, text: str) -> int:  # the default asks the network
            return len(text) // 4

    modelapi("scripted")(lambda: Scripted)
    folder = tmp_path_factory.mktemp("inspect")
    samples = [
        Sample(id="a", input="What is 2+2?", target="4", metadata={"domain": "math", "level": 1}),
        Sample(id=2, input=[ChatMessageUser(content="Say hi. " * 50)], target="hi"),
    ]
    task = Task(
        name="sums",
        dataset=samples,
        solver=[system_message("Be brief."), generate()],
        scorer=[match(), includes()],
    )
    found = {}
    for form in ("json", "eval"):
        (log,) = eval(
            task,
            model="scripted/model",
            epochs=2,
            log_format=form,  # type: ignore[arg-type]
            log_dir=str(folder / form),
            display="none",
            temperature=0.5,
        )
        assert log.status == "success", log.error
        found[form] = next((folder / form).iterdir())
    return found


def truth(path: Path) -> dict[str, dict[str, Any]]:
    """What the real package reads, by interaction id."""
    from inspect_ai.log import read_eval_log

    log = read_eval_log(str(path), resolve_attachments=True)
    assert log.samples
    return {
        str(sample.uuid): {
            "response": sample.output.completion,
            "finish_reason": sample.output.choices[0].stop_reason,
            "model": log.eval.model,
            "messages": [
                {"role": message.role, "content": message.text}
                for message in sample.messages[:-1]
            ],
            "conversation_id": f"sums/{sample.id}",
            "scores": {f"score.{name}": one.value for name, one in (sample.scores or {}).items()},
        }
        for sample in log.samples
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "eval"])
def test_reads_what_the_package_reads(logs: dict[str, Path], form: str) -> None:
    path = logs[form]
    assert detect(path) == "inspect"
    got = loaded(list(read(path)))
    expected = truth(path)
    assert not got.bad
    assert {row["id"] for row in got.interactions} == set(expected)
    for row in got.interactions:
        want = expected[row["id"]]
        for name in ("response", "finish_reason", "model", "conversation_id"):
            assert row[name] == want[name]
        assert orjson.loads(row["messages"]) == want["messages"]
        assert want["scores"].items() <= row["segments"].items()
        assert orjson.loads(row["sampling"]) == {"temperature": 0.5}
        assert row["at"] is not None
        assert row["latency_ms"] > 0
    maths = [row for row in got.interactions if row["conversation_id"] == "sums/a"]
    assert len(maths) == 2  # epochs
    assert maths[0]["segments"]["domain"] == "math"
    assert {(event["layer"], event["action"]) for event in got.events} == {("provider", "block")}
    assert len(got.events) == 2


def test_the_package_writes_zstandard_members(logs: dict[str, Path]) -> None:
    """If this stops holding, the reader of such members is no longer tested by a real log."""
    with zipfile.ZipFile(logs["eval"]) as archive:
        assert 93 in {member.compress_type for member in archive.infolist()}


def sample(**changes: Any) -> dict[str, Any]:
    return {
        "id": "s",
        "epoch": 1,
        "input": "q",
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        "output": {"model": "m", "choices": [{"stop_reason": "stop"}]},
        **changes,
    }


HEADER = {"version": 2, "status": "success", "eval": {"task": "t", "run_id": "r", "created": None}}


def archive(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, bytes) else orjson.dumps(content))
    return path


def test_older_logs_without_uuids_and_with_deflate(tmp_path: Path) -> None:
    members = {"header.json": HEADER, "samples/s_epoch_1.json": sample(),
               "samples/s_epoch_2.json": sample(epoch=2)}  # fmt: skip
    got = loaded(list(read(archive(tmp_path / "log.eval", members))))
    assert [row["id"] for row in got.interactions] == ["r/t/s/1", "r/t/s/2"]
    assert [row["response"] for row in got.interactions] == ["a", "a"]


def test_large_samples_in_chunks(tmp_path: Path) -> None:
    folder = "samples/s_epoch_1/"
    shell = {key: value for key, value in sample().items() if key != "messages"}
    shell["message_refs"] = [[0, 1], [2, 3]]
    members = {
        "header.json": HEADER,
        f"{folder}sample.json": shell,
        f"{folder}messages/2.json": [{"role": "assistant", "content": "attachment://0!"}],
        f"{folder}messages/0.json": [{"role": "user", "content": "q"}, {"role": "user"}],
        f"{folder}attachments/0.json": ["long text"],
        f"{folder}metadata.json": {"domain": "x"},
        f"{folder}events/0.json": [{"event": "x"}],
    }
    (row,) = loaded(list(read(archive(tmp_path / "log.eval", members)))).interactions
    assert (row["prompt"], row["response"]) == ("q", "long text!")
    assert row["segments"] == {"domain": "x", "task": "t"}


def test_attachments_tool_calls_and_errors(load: Load) -> None:
    log = HEADER | {
        "samples": [
            sample(
                messages=[{"role": "user", "content": "attachment://ab12"}],
                attachments={"ab12": "the text"},
                output={"choices": []},
                error={"message": "cancelled"},
            ),
            sample(id="t", output={"choices": [{"stop_reason": "tool_calls"}]}, messages=[
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "",
                 "tool_calls": [{"function": "f", "arguments": {}}]},
            ]),
            {"no": "id"},
            sample(id="u", total_time="long"),
        ]
    }  # fmt: skip
    got = load(log, by="inspect", name="log.json")
    assert [row["prompt"] for row in got.interactions] == ["the text", "q"]
    assert [row["response"] for row in got.interactions] == [None, None]
    assert [bad.line for bad in got.bad] == [3, 4]


def test_a_damaged_member_is_one_bad_record(logs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    raw = bytearray(logs["eval"].read_bytes())
    with zipfile.ZipFile(logs["eval"]) as file:
        member = next(
            one for one in file.infolist() if one.filename.startswith("samples/a_epoch_1")
        )
    place = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    raw[place : place + 8] = bytes(8)
    path.write_bytes(bytes(raw))
    got = loaded(list(read(path)))
    assert len(got.interactions) == 3
    assert len(got.bad) == 1
    assert "samples/a_epoch_1.json cannot be read" in got.bad[0].reason


def test_an_unfinished_log_is_read_and_a_cut_one_is_a_user_error(tmp_path: Path) -> None:
    start = {"version": 2, "eval": HEADER["eval"], "plan": {}}
    members = {"_journal/start.json": start, "samples/s_epoch_1.json": sample()}
    path = archive(tmp_path / "log.eval", members)
    assert loaded(list(read(path))).one["response"] == "a"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="not a readable zip file"):
        detect(path)


def test_zstandard_members_are_checked(tmp_path: Path) -> None:
    assert zstandard.ZstdCompressor().compress(b"x")  # the library that reads them is a dependency
    path = archive(tmp_path / "log.eval", {"header.json": b"{not json"})
    with pytest.raises(UserError, match=r"no readable header\.json"):
        list(read(path))
