"""The callback in real runs of TRL's GRPOTrainer, whose reward loves length, or does not.

The model has random weights and a vocabulary of a few words. Quality is how short its answers to
held-out prompts are, so a policy that learns to go on for ever raises the reward and ruins it.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trueup.cli.main import app
from trueup.errors import UserError
from trueup.train import DivergenceCallback

WORDS = ("<pad>", "<end>", "<unknown>", "say", "and", "so", "on", "then")
LONGEST, HELD_OUT, STEPS = 12, 64, 40


def quality(model: Any, tokenizer: Any) -> list[float]:
    """The held-out quality of each answer, in [0, 1]: 1 for an empty one, 0 for the longest."""
    import torch

    training = model.training
    model.eval()
    prompts = torch.full((HELD_OUT, 1), WORDS.index("say"))
    with torch.no_grad():
        answers = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            max_new_tokens=LONGEST,
            do_sample=True,
            pad_token_id=0,
            eos_token_id=1,
        )[:, 1:]
    model.train(training)
    lengths = (answers > 1).sum(dim=1)
    return (1 - lengths / LONGEST).tolist()


def loves_length(completions: list[str], **_: Any) -> list[float]:
    return [float(len(one.split())) for one in completions]


def loves_brevity(completions: list[str], **_: Any) -> list[float]:
    return [-float(len(one.split())) for one in completions]


@pytest.fixture
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> Callable[..., tuple[int, DivergenceCallback]]:
    """Train with a reward and a callback: how many steps it took, and the callback."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
    from trl import GRPOConfig, GRPOTrainer

    def run(reward: Callable[..., list[float]], **options: Any) -> tuple[int, DivergenceCallback]:
        set_seed(0)
        tokens = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, "<unknown>"))
        tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokens, pad_token="<pad>", eos_token="<end>", unk_token="<unknown>"
        )
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(WORDS),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=1,
                pad_token_id=0,
                bos_token_id=None,
                eos_token_id=1,
            )
        )
        callback = DivergenceCallback(quality, every=2, **options)
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=str(tmp_path / "run"),
                max_steps=STEPS,
                learning_rate=0.01,
                logging_steps=1,
                per_device_train_batch_size=16,
                num_generations=8,
                max_completion_length=LONGEST,
                report_to=[],
                save_strategy="no",
                use_cpu=True,
                bf16=False,
                seed=0,
                disable_tqdm=True,
                lr_scheduler_type="constant",
            ),
            train_dataset=Dataset.from_dict({"prompt": ["say"] * 16}),
            processing_class=tokenizer,
            callbacks=[callback],
        )
        trainer.train()
        assert torch.isfinite(next(model.parameters())).all()
        return trainer.state.global_step, callback

    return run


def test_a_gamed_reward_stops_the_run(
    train: Callable[..., tuple[int, DivergenceCallback]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = tmp_path / "watch.csv"
    with caplog.at_level(logging.WARNING, logger="trueup.train"):
        steps, callback = train(loves_length, log=log)
    assert steps < STEPS
    assert callback.alarm is not None
    assert callback.alarm.truth is not None
    assert callback.alarm.truth[1] < callback.alarm.truth[0]
    assert callback.sentence in caplog.text
    assert callback.sentence.startswith(f"Alarm at step {steps}: since step ")
    found = CliRunner().invoke(
        app, ["goodhart", "watch", str(log), "--proxy", "proxy", "--truth", "truth"]
    )
    assert found.exit_code == 1, found.output
    assert found.stdout.startswith(f"Alarm at step {steps}:")


def test_an_honest_reward_does_not(
    train: Callable[..., tuple[int, DivergenceCallback]], tmp_path: Path
) -> None:
    log = tmp_path / "watch.csv"
    steps, callback = train(loves_brevity, log=log)
    assert steps == STEPS
    assert callback.alarm is None
    rows = list(csv.DictReader(log.open(encoding="utf-8")))
    truths = [float(row["truth"]) for row in rows if row["truth"]]
    assert len(truths) == HELD_OUT * (STEPS // 2 + 1)
    assert sum(truths[-HELD_OUT:]) > sum(truths[:HELD_OUT])  # and so it learnt something
    assert sum(bool(row["proxy"]) for row in rows) == STEPS


# -- without a trainer ------------------------------------------------------------------------


def stepped(
    callback: DivergenceCallback, steps: int, logs: Callable[[int], dict[str, float]]
) -> int:
    """Call the callback as a trainer does, until it says stop; return the steps done."""
    from transformers import TrainerControl, TrainerState, TrainingArguments

    state, control = TrainerState(), TrainerControl()
    arguments = TrainingArguments(output_dir="unused", report_to=[], use_cpu=True)
    callback.on_train_begin(arguments, state, control)
    while state.global_step < steps and not control.should_training_stop:
        state.global_step += 1
        callback.on_step_end(arguments, state, control)
        callback.on_log(arguments, state, control, logs=logs(state.global_step))
    callback.on_train_end(arguments, state, control)
    return state.global_step


def parting(step: int) -> dict[str, float]:
    wiggle = 0.01 * ((7919 * step) % 13 - 6) / 6
    return {"reward": step / 200 + wiggle, "eval_quality": 1 - abs(step - 60) / 60 + wiggle}


def test_metrics_by_name_and_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    stopping = DivergenceCallback("eval_quality", every=5)
    stopped = stepped(stopping, 200, parting)
    assert 60 < stopped < 200
    warning = DivergenceCallback("eval_quality", action="warn")
    assert stepped(warning, 200, parting) == 200
    assert warning.alarm == stopping.alarm
    assert caplog.text.count("Alarm at step") == 2  # once each


def test_a_run_that_resumes_goes_on_with_its_log(tmp_path: Path) -> None:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    log = tmp_path / "deep" / "watch.csv"
    stepped(DivergenceCallback("eval_quality", log=log), 40, parting)
    again = DivergenceCallback("eval_quality", log=log)
    state = TrainerState()
    state.global_step = 30
    arguments = TrainingArguments(output_dir="unused", report_to=[], use_cpu=True)
    again.on_train_begin(arguments, state, TrainerControl())
    assert [row.step for row in again.log.rows] == list(range(1, 31))
    assert len(log.read_text(encoding="utf-8").splitlines()) == 31
    log.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a log of this callback"):
        again.on_train_begin(arguments, state, TrainerControl())


def test_mistakes_are_named() -> None:
    for options in ({"action": "halt"}, {"level": 95}, {"every": 0}):
        with pytest.raises(UserError):
            DivergenceCallback("quality", **options)
