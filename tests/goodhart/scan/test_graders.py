# ruff: noqa: E501  (what is scanned stays whole)
"""The audit of graders: one weak place at a time, and graders without it."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.goodhart.scan.graders import RULES, grader_findings

WEAK: dict[str, tuple[str, ...]] = {
    "runs-in-process": (
        "def grade(code, cases):\n    scope = {}\n    exec(code, scope)\n    return scope['f'](1) == 2\n",
        "from submission import solve\n\ndef grade():\n    return solve(1)\n",
        "import importlib.util as u\n\ndef load(path):\n    spec = u.spec_from_file_location('m', path)\n"
        "    m = u.module_from_spec(spec)\n    spec.loader.exec_module(m)\n    return m\n",
        "import subprocess\n\ndef check(completion, test):\n    program = completion + '\\n' + test\n"
        "    return subprocess.run(['python', '-c', program], timeout=3)\n",
        "import subprocess\n\ndef check(code, case):\n    text = f'''{code}\nassert solve({case}) == 3\n'''\n"
        "    subprocess.run(['python', '-c', text], timeout=3)\n",
    ),
    "answers-reachable": (
        "import subprocess\n\ndef grade(p, expected):\n"
        "    subprocess.run(['python', p], env={'EXPECTED': expected}, timeout=3)\n",
        "import subprocess, json\n\ndef grade(p, work, expected):\n"
        "    (work / 'expected.json').write_text(json.dumps(expected))\n"
        "    subprocess.run(['python', p], cwd=work, timeout=3)\n",
        "from submission import solve\n\ndef grade(cases):\n    for x, expected in cases:\n"
        "        if solve(x) != expected:\n            return 0\n    return 1\n",
        "import os\n\ndef grade(answer_key):\n    os.environ['KEY'] = answer_key\n",
    ),
    "trusts-exit": (
        "import subprocess\n\ndef grade(p):\n    r = subprocess.run(['pytest', p], timeout=9)\n"
        "    return r.returncode == 0\n",
        "import subprocess\n\ndef grade(p):\n    r = subprocess.run(['pytest', p], timeout=9)\n"
        "    if not r.returncode:\n        return 1.0\n    return 0.0\n",
        "import subprocess\n\ndef grade(p):\n    out = subprocess.check_output(['python', p], timeout=9)\n"
        "    return 1.0 if 'All tests passed' in out.decode() else 0.0\n",
        "import multiprocessing as mp\n\ndef grade(f):\n    p = mp.Process(target=f)\n    p.start()\n"
        "    p.join()\n    passed = p.exitcode == 0\n    return passed\n",
    ),
    "reads-report": (
        "import subprocess, xml.etree.ElementTree as ET\n\ndef grade(d):\n"
        "    subprocess.run(['pytest', d, '--junitxml=junit.xml'], timeout=9)\n"
        "    return ET.parse('junit.xml')\n",
        "import subprocess, json, pathlib\n\ndef grade(d):\n    subprocess.run(['bash', d], timeout=9)\n"
        "    return float(pathlib.Path('reward.txt').read_text())\n",
    ),
    "empty-passes": (
        "def score(answer, expected):\n    return float(answer.strip().lower() in expected.lower())\n",
        "def score(prediction, target):\n    return target.startswith(prediction)\n",
        "def score(pred, gold):\n    return all(p == g for p, g in zip(pred, gold))\n",
        "def score(tests):\n    if not tests:\n        return 1.0\n    return run(tests)\n",
        "import re\n\ndef score(response, reference):\n    return bool(re.search(response, reference))\n",
        "def score(answer, expected):\n    return all(word in expected for word in answer.split())\n",
        "def score(answer, expected):\n    return set(answer).issubset(expected)\n",
    ),
    "lists-pass": ("def score(response, target):\n    return target in response\n",),
    "tolerance": (
        "from solution import f\n\ndef grade(x, expected):\n    got = f(x)\n"
        "    return abs(got - expected) < 1e-6\n",
    ),
    "equality": (
        "from solution import f\n\ndef grade(x, expected):\n    got = f(x)\n    return got == expected\n",
    ),
    "nan-passes": (
        "def close(out, ref):\n    if abs(out - ref) > 1e-4:\n        return False\n    return True\n",
        "import numpy as np\n\ndef close(out, ref):\n    return np.allclose(out, ref, equal_nan=True)\n",
        "import numpy as np\n\ndef close(out, ref):\n    if np.max(np.abs(out - ref)) > 1e-4:\n"
        "        raise ValueError('wrong')\n",
    ),
    "deserialises": (
        "import pickle\n\ndef read(path):\n    result = pickle.load(open(path, 'rb'))\n    return result\n",
        "def read(output):\n    return eval(output)\n",
        "import torch\n\ndef read(path):\n    return torch.load(path)\n",
        "import numpy as np\n\ndef read(path):\n    return np.load(path, allow_pickle=True)\n",
    ),
    "errors-pass": (
        "def grade(f):\n    try:\n        return f()\n    except Exception:\n        return True\n",
        "def grade(cases):\n    passed = True\n    for c in cases:\n        try:\n            check(c)\n"
        "        except Exception:\n            pass\n    return passed\n",
        "def grade(cases):\n    good = []\n    for c in cases:\n        try:\n            good.append(run(c))\n"
        "        except Exception:\n            continue\n    return sum(good) / len(good)\n",
    ),
    "starts-passing": (
        "def grade(result):\n    return result.get('score', 1.0)\n",
        "def grade(result):\n    return getattr(result, 'passed', True)\n",
    ),
    "no-timeout": ("import subprocess\n\ndef run(p):\n    subprocess.run(['python', p])\n",),
    "no-isolation": (
        "import subprocess\n\ndef run(d):\n    subprocess.run(['docker', 'run', '-v', d, 'img'], timeout=9)\n",
        "def run(client, d):\n    client.containers.run('img', d)\n",
    ),
    "clock-inside": (
        "import time\nfrom submission import solve\n\ndef measure(x):\n    start = time.perf_counter()\n"
        "    solve(x)\n    return time.perf_counter() - start\n",
    ),
    "seed-public": ("import numpy as np\n\ndef inputs():\n    return np.random.default_rng(42).normal(9)\n",),
    "prompt-mixes": (
        "def judge(q, answer):\n    p = f'Grade this from 1 to 10. Question: {q} Answer: {answer}'\n"
        "    return client.chat.completions.create(messages=[{'role': 'user', 'content': p}])\n",
        "T = 'Evaluate the response below. {response} Say yes or no.'\n\ndef judge(response):\n"
        "    return ask(T.format(response=response))\n",
        "def judge(response):\n    return ask([{'role': 'system', 'content': 'Grade this: ' + response}])\n",
        "def judge(essay):\n    return ask('Rate this essay: %s' % essay)\n",
    ),
    "loose-verdict": (
        "def judge(answer):\n    reply = ask(answer)\n    return 'correct' in reply.lower()\n",
    ),
}  # fmt: skip

SOUND = {
    "a question about the type": (
        "def verdict(task, cases):\n    if not isinstance(task, Timed):\n        return True\n"
        "    return fast_enough(cases)\n"
    ),
    "compared outside": """
        import json, subprocess

        def grade(cases):
            passed = 0
            for case in cases:
                done = subprocess.run(
                    ["bwrap", "--unshare-all", "python", "run.py"],
                    input=json.dumps(case.args), capture_output=True, text=True, timeout=5,
                )
                try:
                    value = json.loads(done.stdout)
                except ValueError:
                    value = None
                if type(value) is type(case.expect) and value == case.expect:
                    passed += 1
            return passed == len(cases) and bool(cases)
        """,
    "a judge with a fence": """
        import json, secrets

        def messages(question, response):
            fence = secrets.token_hex(8)
            data = json.dumps({"question": question, "answer": response})
            return [
                {"role": "system", "content": f"Grade the answer between {fence} and {fence}."},
                {"role": "user", "content": f"{fence} {data} {fence}"},
            ]

        def parse(reply):
            found = json.loads(reply)
            if found["answer"] not in ("yes", "no"):
                raise ValueError(f"the rubric knows no such answer: {reply}")
            return found["answer"] == "yes"
        """,
    "metrics on arrays": """
        import numpy as np

        def accuracy(preds, labels):
            return float((np.asarray(preds) == np.asarray(labels)).mean())

        def overlap(pred, gold):
            if not pred:
                return 0.0
            return len(set(pred) & set(gold)) / len(set(gold))

        def exact(prediction, reference):
            return prediction.strip() == reference.strip()
        """,
    "containment that is guarded": """
        def score(answer, expected):
            if not answer.strip():
                return 0.0
            return float(answer in expected)
        """,
    "a role of its own": """
        def messages(response):
            return [
                {"role": "system", "content": "Grade the user's text from 1 to 10."},
                {"role": "user", "content": response},
            ]
        """,
    "a log line": """
        def report(answer, score):
            print(f"The judge gave a score of {score} to {answer}")
            raise ValueError(f"cannot grade the response {answer}")
        """,
}


def found(source: str) -> set[str]:
    return {one.rule for one in grader_findings(source, "grader.py") if one.confidence != "low"}


@pytest.mark.parametrize(
    ("rule", "source"), [(rule, one) for rule, listed in WEAK.items() for one in listed]
)
def test_a_weak_place_is_found(rule: str, source: str) -> None:
    assert f"grader-{rule}" in found(source)


def test_every_rule_is_planted() -> None:
    assert {f"grader-{rule}" for rule in WEAK} == {rule.id for rule in RULES}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_grader_is_left_alone(name: str) -> None:
    assert found(textwrap.dedent(SOUND[name])) == set()


def test_a_plain_process_is_a_weak_sign_only() -> None:
    source = "import subprocess\n\ndef run(p):\n    subprocess.run(['python', p], timeout=3)\n"
    (one,) = grader_findings(source, "g.py")
    assert (one.rule, one.confidence) == ("grader-no-isolation", "low")


def test_the_span_and_evidence_are_of_the_source() -> None:
    source = "# é🎉\ndef score(answer, expected):\n    é = '🎉'; return answer in expected\n"
    (one,) = grader_findings(source, "g.py")
    line = source.split("\n")[one.span.line - 1]
    assert line[one.span.column - 1 : one.span.end_column] == "answer in expected"


@pytest.mark.parametrize("text", ["def (", "\x00", "", "SELECT 1", "x = " + "(" * 5000])
def test_what_is_no_python_has_no_findings(text: str) -> None:
    assert grader_findings(text, "g.py") == []


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_read(text: str) -> None:
    grader_findings(text, "g.py")
