"""A model in a local folder, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from trueup.errors import UserError
from trueup.guards.verdict import one_line
from trueup.probe.model import Message, Question, Reply
from trueup.probe.reading import reply_of_text

if TYPE_CHECKING:
    import torch

__all__ = ["Tempered", "Transformer"]


class Transformer:
    """Prompts in batches, on the GPU when there is one; the folder's own code is never run.

    Each prompt of a batch draws its own random numbers, from its own seed, so that an answer does
    not depend on what it was batched with. The answer is drawn from the model's distribution at
    the temperature; top-k and the like of the folder's configuration are not applied.

    Raises `UserError` when the folder cannot be loaded.
    """

    batch = 8

    def __init__(self, folder: Path) -> None:
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        self._torch: Any = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, padding_side="left", **local
            )
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype="auto", **local
            )
        except Exception as error:  # transformers raises many types
            raise UserError(
                f"The model in {folder.name} cannot be loaded: {one_line(str(error))}.",
                "Name a folder with config.json, weights and tokenizer.",
            ) from error
        self._model = model.to(self._device).eval()
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.unk_token
        self._context = getattr(model.config, "max_position_embeddings", None)

    def generate(self, questions: Sequence[Question], stop: Event) -> list[Reply]:
        """A reply to each; `stop` ends the work early."""
        rendered = [self._rendered(question.messages) for question in questions]
        too_long = list(map(self._too_long, rendered, questions))
        fit = [place for place, reply in enumerate(too_long) if reply is None]
        replies = {place: reply for place, reply in enumerate(too_long) if reply is not None}
        if fit:
            made = self._generate([rendered[i] for i in fit], [questions[i] for i in fit], stop)
            replies |= dict(zip(fit, made, strict=True))
        return [replies[place] for place in range(len(questions))]

    def _generate(
        self, rendered: list[list[int]], questions: list[Question], stop: Event
    ) -> list[Reply]:
        from transformers import LogitsProcessorList, StoppingCriteriaList

        torch = self._torch
        limit = int(questions[0].sampling["max_tokens"])
        padded = self._tokenizer.pad({"input_ids": rendered}, return_tensors="pt")
        padded = padded.to(self._device)
        seeds = [question.own_seed() for question in questions]
        drawing = Tempered(float(questions[0].sampling["temperature"]), seeds)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=padded["input_ids"],
                attention_mask=padded["attention_mask"],
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=limit,
                pad_token_id=self._tokenizer.pad_token_id,
                logits_processor=LogitsProcessorList([drawing]),
                stopping_criteria=StoppingCriteriaList(
                    [
                        lambda ids, scores, **more: torch.full(
                            (ids.shape[0],), stop.is_set(), device=ids.device
                        )
                    ]
                ),
            )
        start = padded["input_ids"].shape[1]
        return [
            self._reply(row[start:].tolist(), len(ids))
            for row, ids in zip(made, rendered, strict=True)
        ]

    def _reply(self, tokens: list[int], read: int) -> Reply:
        ends = self._model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        place = next((i for i, token in enumerate(tokens) if token in ends), None)
        text = self._tokenizer.decode(tokens[:place], skip_special_tokens=True).strip()
        return reply_of_text(
            text,
            "length" if place is None else "stop",
            input_tokens=read,
            output_tokens=len(tokens) if place is None else place + 1,
        )

    def _rendered(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the messages in the model's chat template; without one, of plain text."""
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=False
            )
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        else:
            text = "\n\n".join(message["content"] for message in messages) + "\n\n"
            ids = self._tokenizer(text)["input_ids"]
        return list(ids)

    def _too_long(self, ids: list[int], question: Question) -> Reply | None:
        if self._context is None or len(ids) + question.sampling["max_tokens"] <= self._context:
            return None
        reason = f"the prompt takes {len(ids):,} of the model's {self._context:,} tokens"
        return Reply("error", reason=f"{reason}, which leaves too few for the answer")

    def close(self) -> None:
        del self._model
        if self._device == "cuda":
            self._torch.cuda.empty_cache()


class Tempered:
    """Turns taking the likeliest token into a draw at a temperature, with a seed for each row.

    The largest of logit/T plus standard Gumbel noise is a draw from softmax(logit/T) (Gumbel 1954;
    Maddison et al. 2014, "A* Sampling").
    """

    def __init__(self, temperature: float, seeds: Sequence[int]) -> None:
        import torch

        self._torch = torch
        self._temperature = temperature
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._temperature == 0:
            return scores
        torch = self._torch
        size = scores.shape[-1]
        drawn = [torch.rand(size, generator=each, dtype=torch.float64) for each in self._generators]
        uniform = torch.stack(drawn).clamp_(1e-300, 1 - 1e-16)
        noise = -torch.log(-torch.log(uniform))
        return scores.to(torch.float64) / self._temperature + noise.to(scores.device)
