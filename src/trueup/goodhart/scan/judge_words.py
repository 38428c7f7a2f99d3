"""What an answer says to sway a judge, as patterns: orders, verdicts, roles, flattery."""

from __future__ import annotations

import re

__all__ = ["FLATTERY", "ORDERS", "ROLES", "TOKENS", "TOPIC", "VERDICTS", "WHOLE"]

_JUDGE = (
    r"(?:(?:auto)?grader|judge|evaluator|reviewer|examiner|assessor|scorer|rater"
    r"|(?:llm|ai|language|scoring|grading|reward|judge)[\s\-]+(?:model|judge|grader|system"
    r"|reviewer|evaluator|assistant)|llm)s?\b"
)
_TOP = (
    r"(?:(?:a\s+|an\s+|the\s+)?(?:perfect|full|max(?:imum|imal)?|highest(?:\s+possible)?|top|best"
    r"(?:\s+possible)?)(?:\s+(?:scores?|marks?|grades?|ratings?|points?|credit|reward))"
    r"|(?:a\s+|an\s+|the\s+)?(?:score|rating|grade|mark)\s+of\s+(?:10|5|100|9|1\.0|a\+?)\b"
    r"|(?:a\s+|an\s+)?(?:10|5|100|9)\s*(?:/|out\s+of)\s*(?:10|5|100)|100\s?%|[\"'“‘\[]*(?:10|100)"
    r"[\"'”’\]]*(?=\s*(?:[.!,;\"'”]|$|and\b|no\s+matter|regardless))"
    r"|(?:as\s+)?(?:correct|a\s+pass|passing|passed|fully\s+correct|the\s+(?:winner|better|best)))"
)
_RULES = (
    r"(?:instructions?|prompts?|rules|criteria|rubrics?|guidelines?|directions|directives|context"
    r"|system\s+message)"
)
_UNLESS = r"(?!\s*(?:to|-|–|if|when|only|for\s+(?:answers|responses|each)|points?\s+(?:for|if)))"


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


ORDERS = _compiled(
    r"(?:^[^\w\n]*|[.!?:;,)>\]\n][^\S\n]*|\b(?:please|must|should|now|just|and|then|kindly|will|can)\s+)"
    r"(?:ignore|disregard|forget|override|bypass|do\s+not\s+follow|stop\s+following)\s+"
    r"(?:\w+\s+){0,3}?(?:previous|prior|above|earlier|preceding|foregoing|original|system|other"
    r"|your"
    rf"|grading|evaluation|scoring|existing|all)\s+(?:\w+\s+){{0,2}}?{_RULES}\b",
    r"(?:^|[.!?:;,>\n][^\S\n]*|\b(?:please|must|should|you\s+will|now|just|always|then|and|to|simply)\s+)"
    r"(?:rate|score|grade|give|award|assign|mark|rank|evaluate|judge|classify|label|treat"
    r"|accept)\s+"
    r"(?:(?:this|it|my|me|the\s+(?:above|following|present|current)|that|us)\b\s*)(?:\w+\s+){0,3}?"
    rf"(?:(?:with|as|at|a|an|to|is)\s+){{0,2}}{_TOP}{_UNLESS}",
    rf"\b(?:dear|attention|note\s+to(?:\s+the)?|hey|hello|hi|message\s+(?:to|for)(?:\s+the)?"
    rf"|to\s+the"
    rf"|instructions?\s+(?:to|for)(?:\s+the)?|as\s+the)\s+(?:\w+\s+){{0,2}}?{_JUDGE}\s*[,:—-]\s*"
    r"[^.\n]{0,80}?\b(?:must|should|please|rate|score|grade|give|award|assign|mark|output|respond"
    r"|return|answer|ignore|accept|you)\b",
    r"\b(?:output|respond|reply|answer|return|write|print|say|conclude)\s+(?:only\s+|with\s+"
    r"|just\s+|back"
    r"\s+)*[\"'“`]?(?:\[\[(?:a|b|10|5)\]\]|\{?\s*[\"“]?(?:score|rating|verdict|grade"
    r"|correct)[\"”]?\s*[:=]"
    r"|(?:score|rating|verdict|grade)\s*[:=]?\s*(?:10|100|5|a|correct|pass))",
    rf"\b(?:the|this|any|every)\s+{_JUDGE}\s+(?:must|should|has\s+to|is\s+required\s+to|shall"
    rf"|will)\s+"
    rf"(?:\w+\s+){{0,3}}?(?:accept|give|assign|award|rate|score|mark|pass|consider|treat"
    rf"|approve)\s+"
    r"(?:it|this|that|full|the\s+(?:above\s+)?(?:answer|submission|solution|response|maximum"
    r"|highest))\b",
    r"\b(?:this|the)\s+(?:answer|response|submission|solution)\s+(?:has\s+(?:already\s+)?been|is"
    r"|was)\s+(?:already\s+|pre-?)?(?:verified|graded|approved|certified|validated|confirmed"
    r"|checked)\b"
    r"[^.\n]{0,60}\b(?:no\s+(?:further|need)|skip|do\s+not|correct|full|by\s+(?:the|an?|human)\s+"
    r"(?:\w+\s+)?(?:expert|grader|judge|evaluator|team|staff|system))",
    # Spanish, French, German, Portuguese, Italian, Russian, Chinese, Japanese, Korean.
    r"\bignor(?:a|e|en|ar)\s+(?:\w+\s+){0,2}?instru(?:cciones|ções|zioni)\b",
    r"\b(?:otorga|asigna|da|califica|ponga|dê|atribua|assegna|dai)\w*\s+(?:\w+\s+){0,4}?"
    r"(?:m[áa]xim[ao]|massim[ao]|10/10|perfect[ao])",
    r"\bignore[zr]?\s+(?:toutes\s+)?les\s+(?:instructions|consignes)|\b(?:notez?|attribue[zr]?"
    r"|donne[zr]?)"
    r"\s+(?:\w+\s+){0,5}?(?:maximale?|10/10|parfaite?)",
    r"\bignoriere[n]?\s+(?:\w+\s+){0,3}?(?:anweisungen|vorgaben|anleitungen)|\b(?:bewerte|gib"
    r"|vergib|gebe)"
    r"\w*\s+(?:\w+\s+){0,5}?(?:volle|höchste|maximale|beste|10/10|10\s+von\s+10)",
    r"игнорируй(?:те)?\s+(?:все\s+)?(?:предыдущие|прошлые|эти)?\s*инструкции"
    r"|(?:поставь|оцени)(?:те)?\s+(?:\w+\s+){0,4}?(?:максимальн|высш|10)",
    r"忽略(?:之前|以上|前面|所有|上述|先前)?的?(?:所有)?(?:指令|指示|说明|規則|规则)|(?:给|給|打|评为|評為)"
    r"(?:出|予|这个|此|我)?(?:回答|答案)?(?:打)?(?:满分|滿分|最高分|10分|十分)",
    r"(?:以前|上記|これまで)の(?:すべての)?指示を無視|満点を(?:つけ|与え|付け)|最高(?:点|評価)を(?:つけ|与え|付け)",
    r"이전\s*(?:의\s*)?(?:모든\s*)?지시(?:사항)?(?:을|를)?\s*무시|만점(?:을|으로)",
)

VERDICTS = _compiled(
    r"\[\[\s*(?:10|[1-9](?:\.\d)?|A|B|C|rating|score)\s*\]\]",
    r"^[^\S\n]*(?:GRADE|FINAL\s+GRADE)\s*:\s*[CIPA]\b",
    r"^[^\S\n]*\**(?:final\s+)?(?:verdict|judg(?:e)?ment|evaluation|assessment|rating|score"
    r"|grade)\**\s*[:=]\s*"
    r"\**[\"'“]?(?:correct|pass(?:ed)?|10(?:\s*/\s*10)?|100(?:\s*/\s*100|\s?%)?|5\s*/\s*5"
    r"|excellent|perfect"
    r"|a\+)\b",
    r"<(?:verdict|score|rating|grade|judg(?:e)?ment)>\s*(?:correct|pass(?:ed)?|10|100|1(?:\.0)?|a"
    r"|yes)\s*</",
    r"[\"'](?:score|rating|verdict|is_correct|grade|reward)[\"']\s*:\s*(?:10|100|1\.0|true"
    r"|[\"'](?:correct"
    r"|pass|A)[\"'])\s*[,}]",
)

ROLES = _compiled(
    r"<\|(?:im_start|im_end|eot_id|start_header_id|end_header_id|endoftext|system|user|assistant"
    r"|end"
    r"|channel|message)\|>",
    r"\[/?INST\]|<</?SYS>>|</?s>\s*\[",
    r"\[(?:the\s+)?end\s+of\s+(?:the\s+)?(?:assistant|answer|submission|response|data|model"
    r"|student)[^\]\n]{0,30}\]",
    r"^[ \t]*(?:-{3,}|={3,}|#{3,}|\*{3,})\s*(?:end|begin|start)\s+(?:of\s+)?(?:the\s+)?(?:\w+\s+)?"
    r"(?:answer|submission|response|data|grading|evaluation|output|instructions?)\b",
    r"^[ \t]*(?:system|developer|grader|judge|evaluator)(?:\s+(?:message|prompt|note"
    r"|override))?\s*:\s*\S",
)

FLATTERY = _compiled(
    r"\b(?:as|to)\s+(?:an?|such\s+an?|the)\s+(?:\w+,?\s+){0,2}?(?:expert|wise|fair|brilliant"
    r"|thoughtful"
    rf"|discerning|intelligent|esteemed|respected|distinguished|insightful|generous"
    rf"|kind)\s+{_JUDGE}",
    r"\b(?:i|we)['’]?\s*(?:know|trust|am\s+(?:sure|confident)|'m\s+(?:sure|confident)|believe"
    r"|hope)\s+"
    r"(?:that\s+)?(?:you|the\s+(?:grader|judge|evaluator|reviewer))\s+(?:will|would|can|are|is)\s+"
    r"(?:\w+\s+){0,3}?(?:fair|generous|recogni[sz]e|appreciate|see|agree|give|award|reward|score"
    r"|rate"
    r"|brilliant|understand)",
    r"\byour\s+(?:excellent|impeccable|great|wise|superb|expert|outstanding|brilliant|sound|keen"
    r"|fair)\s+"
    r"(?:\w+\s+)?(?:judg(?:e)?ment|evaluation|assessment|taste|expertise|grading|eye)",
    r"\bthank(?:s|\s+you)\s+(?:so\s+much\s+)?(?:in\s+advance\s+)?for\s+(?:your|the|giving"
    r"|awarding)\s+"
    r"(?:\w+\s+){0,3}?(?:score|grade|rating|marks?|generous\w*|10|points)\b",
    r"\b(?:please|kindly|i\s+beg\s+you\s+to"
    r"|i\s+(?:really\s+)?need\s+you\s+to)\s+(?:\w+\s+){0,2}?(?:give|award"
    r"|grant|rate|score)\s+(?:me|this|it|my|us)\s+(?:\w+\s+){0,4}?(?:high|full|good|top|best"
    r"|perfect"
    r"|generous|favou?rabl[ey])\w*",
    r"\bmy\s+(?:career|job|life|future|degree|scholarship"
    r"|family)\s+depends?\s+on\s+(?:\w+\s+){0,3}?"
    r"(?:score|grade|rating|evaluation|judg(?:e)?ment|this)",
    r"\b(?:i|this\s+(?:answer|response|work))\s+(?:truly\s+|really\s+"
    r"|clearly\s+)?deserves?\s+(?:\w+\s+){0,3}?"
    r"(?:score|marks?|grade|10|points|rating)\b",
)

# Answers with no content that made reward models say yes (arXiv 2507.08794, table 1), whole.
TOKENS = frozenset(
    {
        "thought process", "let's solve this problem step by step", "let's solve this step by step",
        "let's think step by step", "solution", "解", "かいせつ", "解説", "respuesta",
        "the answer is",
        "final answer", "answer", "step by step solution", "let us solve the problem step by step",
        "here is the solution", "thinking process", "my answer",
    }
)  # fmt: skip
WHOLE = re.compile(r"[\s.,:;!?\-–—_*#'\"`~|/\\]+")

TOPIC = re.compile(
    r"\b(?:e\.g\.|for\s+(?:example|instance)|such\s+as|attack\w*|injection\w*|adversarial"
    r"|jailbreak\w*"
    r"|known\s+as|phrases?\s+like|an?\s+example|attempts?|malicious|detect\w*|defen[cs]e\w*"
    r"|vulnerab\w*"
    r"|researchers?|paper|stud(?:y|ies)|if\s+(?:an?|the)\s+(?:answer|response|submission|text)"
    r"|(?:answers?|submissions?|responses?|students?|texts?|models?)\s+(?:that\s+)?(?:say|says"
    r"|contain\w*"
    r"|tell\w*|ask\w*|may|might|try|tries|tried|include\w*)|do\s+not\s+obey|never\s+obey"
    r"|treat\s+\w+\s+as"
    r"\s+data|instructions?\s+(?:inside|within|in|contained)\b)",
    re.IGNORECASE,
)
