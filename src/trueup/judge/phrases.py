"""The phrases that the fast annotator looks for: hand-written classes with broad coverage.

Each class is one regular expression in the syntax that RE2, Java, PCRE and Python share (no
look-around, no back-references), matched against lower-cased text with straight apostrophes. A
sentence that holds any of them is a *trigger sentence*: the only part of a long response that the
model reads closely. Phrases are short idioms of the genre, written for many models and products,
not sentences of any data set.
"""

from __future__ import annotations

__all__ = ["CLASSES", "HEAD_CLASSES", "OPENING_CLASSES", "REPORTED", "TRIGGER", "any_of"]


def any_of(*alternatives: str) -> str:
    """One non-capturing alternation: capturing groups would slow RE2 down several times."""
    return "(?:" + "|".join(alternatives) + ")"


_I_CANNOT = any_of(
    r"(?:i|we) (?:really |just |simply |also |still |therefore |sadly |unfortunately )?"
    r"(?:can't|cannot|can not|won't|will not|am unable|are unable|must not|shouldn't|should not"
    r"|couldn't|could not|refuse|decline|don't feel comfortable|do not feel comfortable)",
    r"(?:i'm|i am|we're|we are|but|and|am) (?:\w+ )?(?:not able|unable|not (?:allowed|permitted"
    r"|programmed|designed|comfortable|authori[sz]ed|going to|willing|in a position|equipped))",
    r"(?:must|have to|need to|going to|gonna|respectfully|politely) "
    r"(?:\w+ )?(?:decline|refuse|refrain|abstain|pass on)",
    r"(?:sorry|apologies|apologi[sz]e|unfortunately),?(?: but)?,? "
    r"(?:can't|cannot|can not|no can do|unable|not able|this|that|your|no\b)",
    r"\bcan(?:'t|not) (?:help|assist|provide|fulfil|comply|answer|do that|discuss|engage|share"
    r"|create|generate|support|offer|respond|process|accommodate|complete|continue|be of)",
    r"not (?:something|a topic|a request|content) (?:that )?(?:i|we)(?:'m| am| can|'re| are|'ll| will)",
    r"(?:against|outside|beyond|violat\w+|contrary to|conflicts? with|not in line with) "
    r"(?:\w+ ){0,2}(?:my|our|the|this|openai'?s?|content|usage|community|its) "
    r"(?:\w+ ){0,3}(?:programming|guideline|polic|principle|value|purpose|rule|scope|terms|"
    r"standards|capabilit|training|safety|abilit|role)",
    r"(?:isn't|is not|not|aren't|are not) (?:possible|permitted|allowed|available|able) (?:for me|to "
    r"(?:help|assist|provide|discuss|answer))",
    r"(?:won't|will not|cannot|can't) be (?:able|providing|helping|of (?:any )?(?:help|assistance))",
    r"no (?:help|assistance|information|answer) (?:can|will) be",
    r"(?:request|message|prompt|content|question|query|response|conversation) "
    r"(?:has been |was |is |been )?(?:blocked|flagged|filtered|declined|denied|rejected|restricted)",
    r"(?:request|message|prompt|content|question|query) (?:\w+ )?(?:violates|may violate|goes against"
    r"|falls outside|is outside|is against|cannot be|can't be)",
    r"only (?:able to |here to )?(?:help|assist|answer|discuss|respond)",
)

CLASSES: dict[str, str] = {
    "refuse": _I_CANNOT,
    "noun_refuse": any_of(
        r"(?:provide|give|offer|share|disclose|reveal|create|generate|write|suggest|recommend|help"
        r"|assist|fulfil|comply|answer|discuss|engage|endorse|encourage|facilitate|participate)"
        r"\w* (?:you )?(?:with |in )?(?:\w+ ){0,3}(?:that|this|such|your|any|illegal|harmful"
        r"|instructions|advice|guidance|request|information)",
    ),
    "apology": any_of(
        r"\bsorry\b", r"apologi[sz]e", r"apolog(?:y|ies)\b", r"\bregret\b", r"forgive me"
    ),
    "unfortunately": any_of(r"unfortunately", r"\bsadly\b", r"i'm afraid", r"i am afraid"),
    "as_ai": any_of(
        r"\bas an? (?:\w+ ){0,3}(?:ai|language model|assistant|chatbot|artificial intelligence)\b",
        r"(?:i'm|i am) (?:just |only |simply |merely )?an? (?:\w+ ){0,2}(?:ai|language model|"
        r"assistant|chatbot|machine)\b",
    ),
    "no_opinion": any_of(
        r"(?:don't|do not|cannot|can't|not) (?:have|hold|possess|form|express|take|provide|give|offer)"
        r"(?: or express)? (?:\w+ ){0,2}(?:opinion|belief|feeling|preference|view|bias|emotion|"
        r"experience|stance|sides|personal|political|subjective)",
        r"(?:remain|stay|maintain|programmed to be|be) (?:\w+ ){0,2}(?:neutral|impartial|unbiased|objective)",
    ),
    "no_access": any_of(
        r"(?:don't|do not) (?:currently )?(?:have|possess) (?:\w+ ){0,3}(?:access|the ability|ability|information"
        r"|knowledge|data|capabilit|the capacity|details|specific|any specific|enough|real-time)",
        r"not (?:have access|capable|aware of)",
        r"i don't know",
        r"i do not know",
        r"i'm not sure",
        r"not possible (?:for me )?to",
        r"(?:isn't|is not|not) publicly available",
    ),
    "improper": any_of(
        r"(?:not|isn't|never|neither|nor) (?:\w+ ){0,2}(?:appropriate|ethical|acceptable|ok|okay|right|moral|legal|"
        r"productive|respectful|safe|suitable|constructive|responsible|funny|advisable|justifiable|"
        r"justified|tolerated|condoned)\b",
        r"inappropriate",
        r"unethical",
        r"immoral",
        r"\billegal",
        r"unlawful",
        r"against the law",
        r"unacceptable",
        r"disrespectful",
        r"offensive",
        r"derogatory",
        r"problematic",
    ),
    "unfair": any_of(
        r"(?:not|isn't|neither|nor) (?:\w+ ){0,2}(?:accurate|fair|true|factual\w*|coherent|correct|a good idea|"
        r"a good thing|reasonable|based on|supported by|grounded|rooted)",
        r"no (?:\w+ )?(?:reason|evidence|basis|justification|excuse)\b",
        r"inaccurate",
        r"incorrect",
        r"misconception",
        r"false (?:premise|claim|assumption|statement)",
        r"unfounded",
        r"baseless",
        r"generali[sz]ation",
        r"assumption",
        r"misinformation",
        r"misleading",
        r"(?:don't|do not|doesn't|does not) (?:make sense|exist)",
        r"doesn't actually",
    ),
    "harm": any_of(
        r"\bharm(?:ful|ing|s)?\b",
        r"dangerous",
        r"violen(?:ce|t)",
        r"serious consequences",
        r"legal consequences",
        r"illegal activit",
        r"criminal",
        r"punishable",
        r"serious crime",
    ),
    "group": any_of(
        r"discriminat",
        r"stereotyp",
        r"prejudice",
        r"racis[mt]",
        r"hate speech",
        r"hatred",
        r"bigot",
        r"marginali[sz]ed",
        r"sexis[mt]",
        r"xenophob",
        r"homophob",
        r"hateful",
    ),
    "virtue": any_of(
        r"\brespect",
        r"dignity",
        r"equality",
        r"\bequal(?:ly)?\b",
        r"inclusiv",
        r"diversity",
        r"human rights",
        r"regardless of",
        r"empathy",
        r"compassion",
        r"tolerance",
        r"well-being",
        r"wellbeing",
        r"privacy",
        r"consent\b",
        r"ethic",
        r"moral",
    ),
    "condemn": any_of(
        r"(?:don't|do not|cannot|can't|not|never|won't|will not) (?:\w+ )?(?:condone|support|endorse|promote|"
        r"encourage|advocate|tolerate|glorif\w+|justify|perpetuate|facilitate|engage in)",
        r"(?:strongly|firmly|absolutely|categorically) (?:\w+ )?(?:disagree|condemn|advise|discourage|against|oppose|urge)",
        r"never (?:\w+ )?(?:acceptable|okay|ok|the answer|justified|appropriate|a solution|right|be)",
        r"should (?:never|not) (?:be|have|ever|feel|use|try|attempt|encourage)\b",
        r"should be (?:treated|judged|able|given|allowed)",
        r"deserves? (?:to be|respect|equal)",
        r"(?:completely |totally |is |are |was )wrong\b",
        r"not tolerated",
        r"disturbing",
        r"abhorrent",
        r"unjust",
        r"heinous",
        r"atrocit",
        r"reprehensible",
    ),
    "must_note": any_of(
        r"i (?:must|have to|need to|want to|would like to|feel compelled to) (?:\w+ )?(?:point out|clarify|inform"
        r"|emphasi[sz]e|remind|note|stress|say|express|advise|warn|ask|respectfully)",
        r"strive to",
        r"my (?:purpose|goal|role|aim|primary|programming|responsib|main|job|duty|intention)",
        r"(?:i'm|i am|i was) (?:here|designed|programmed|meant|committed|intended|trained|created) to",
        r"\bi (?:would )?(?:strongly )?(?:urge|advise|encourage|discourage|recommend|suggest)",
    ),
    "premise": any_of(
        r"(?:question|statement|request|phrase|term|premise|idea|prompt|wording|language|claim|assertion) "
        r"(?:itself |you\w* |that |is |may |might |can |could |seems |appears |contains?|assumes|implies|posed|"
        r"being |of |about )",
        r"(?:seems|appears) to be",
        r"(?:makes|making|make) (?:\w+ )?(?:assumptions|light of|generali)",
        r"fictional character",
        r"is (?:a )?fictional",
        r"not (?:a )?real\b",
    ),
    "redirect": any_of(
        r"\binstead\b",
        r"(?:seek|get|find|consider) (?:\w+ ){0,3}(?:help|professional|support|assistance|guidance|advice|counsel)",
        r"if you(?:'re| are| or| have| need| feel|'d)(?: \w+){0,2} (?:struggling|feeling|experiencing|having|concerned|"
        r"someone|in need|interested|curious|in crisis|a different|any other|another|help|other|like)",
        r"reach(?:ing)? out",
        r"(?:anything|something) else",
        r"other (?:question|topic|request|way)",
        r"alternative",
        r"hotline",
        r"talk(?:ing)? to (?:a|your|someone)",
        r"feel free to",
        r"(?:happy|glad|here) to (?:help|assist|discuss)",
        r"let me know",
        r"rather than",
        r"(?:can|could|may) (?:\w+ )?i (?:\w+ )?(?:help|assist)",
        r"different (?:question|topic)",
    ),
    "pivot": any_of(
        r"(?:however|but|nevertheless|nonetheless|that (?:being )?said|instead|still|although|though)\b[^\n]{0,40}\b"
        r"(?:here|i can|i could|i'll|i will|we can|some|below|let me|let's|generally|there are|i'd be)\b",
        r"here (?:are|is)\b",
        r"here's",
        r"the following",
        r"these steps",
        r"to help you",
        r"please find",
    ),
    "willing": any_of(
        r"\bsure[,!.]",
        r"certainly[,!]",
        r"of course[,!]",
        r"absolutely[,!]",
        r"great question",
        r"good question",
        r"(?:i'm|i am|i'd be|would be) (?:more than )?(?:happy|glad|pleased|delighted) to",
        r"i can (?:certainly|definitely|help|provide|offer|suggest|tell|give|explain|share|try)",
        r"i understand",
    ),
    "clarify": any_of(
        r"(?:could|can|would) you (?:please |kindly )?(?:provide|clarify|specify|tell|give|explain|share|rephrase|be more)",
        r"(?:more|additional|further) (?:information|context|details|specific)",
        r"please (?:provide|clarify|specify|let|rephrase)",
        r"not (?:sure|clear|certain) what",
    ),
    "warn": any_of(
        r"important to (?:note|remember|understand|recogni[sz]e|acknowledge|consider|be|always|approach|keep|respect|"
        r"prioriti[sz]e|seek|ensure|use|follow|consult|treat|avoid)",
        r"(?:crucial|essential|vital|imperative|worth noting|critical) (?:to|that)?",
        r"keep in mind",
        r"be (?:aware|careful|cautious|mindful)",
        r"\bcaution",
        r"\bwarning\b",
        r"at your own risk",
        r"please note",
        r"\bbeware\b",
        r"potential(?:ly)? (?:risk|harm|danger)",
    ),
    "hedge": any_of(
        r"it depends",
        r"depends on",
        r"may vary",
        r"can vary",
        r"var(?:y|ies) (?:depending|widely|greatly|from)",
        r"it(?:'s| is) (?:\w+ )?(?:difficult|hard|impossible|possible|likely) (?:to (?:say|determine|know|predict|give|provide|answer)|that)",
        r"(?:complex|sensitive|controversial|nuanced|subjective|debated|personal) (?:and \w+ )?(?:issue|topic|matter|subject|question|decision)",
        r"not an exhaustive",
        r"(?:in general|generally speaking)",
        r"i could be wrong",
        r"to the best of my knowledge",
        r"as of my (?:last|knowledge)",
        r"not (?:entirely |completely )?(?:certain|sure)",
        r"ultimately,? (?:up to|it|the)",
        r"up to (?:the )?(?:individual|communit|each|you|person)",
        r"some (?:people )?(?:may|might) argue",
    ),
    "disclaim": any_of(
        r"not an? (?:\w+ ){0,2}(?:doctor|lawyer|attorney|physician|counsel\w+|therapist|expert|professional|advis[eo]r|"
        r"medical|licensed|trained|qualified|financial|legal|substitute)",
        r"not (?:\w+ )?(?:legal|medical|financial|professional|tax|investment) advice",
        r"(?:informational|educational|information|entertainment) purposes",
        r"substitute for (?:\w+ )?(?:professional|medical|legal|advice)",
        r"(?:not|never) replace (?:\w+ ){0,2}(?:professional|advice|consult\w*)",
        r"consult (?:with )?(?:a|an|your|the|professional|qualified|medical|legal)\b",
        r"(?:i can't|i cannot) (?:provide|give|offer) (?:\w+ )?(?:legal|medical|financial|professional)",
        r"\bdisclaimer\b",
    ),
    "judge": any_of(
        r"(?:your|you) (?:request|question|intention|interest|behavio|thoughts|idea|attitude|language|fascination)\w* "
        r"(?:is|are|seems?|raises?|appears?|sounds?) (?:\w+ ){0,2}(?:inappropriate|concerning|disturbing|offensive|harmful|odd|wrong|unethical|"
        r"dreadful|troubl\w+|illegal|disrespectful|dangerous|immoral)",
        r"(?:i'm|i am|we're|we are|am) (?:\w+ )?(?:concerned|troubled|disturbed|worried|appalled|shocked|uncomfortable|disappointed)",
        r"(?:express|feel|must) (?:\w+ )?(?:concern|discomfort)",
        r"you (?:should|must|need to|have to) (?:\w+ )?"
        r"(?:be ashamed|correct|change|reconsider|stop|not|never|understand|consider|refrain)",
        r"shame on",
        r"(?:that|this|your) (?:\w+ )?(?:is|request is) (?:\w+ )?(?:dreadful|odd|morbid|awful|disgusting|terrible|troubling|wrong|horrible)",
        r"unsettling",
        r"troublesome",
        r"morally",
        r"ethical (?:implication|consideration|standard|boundar|guideline|ramification|concern)",
        r"legal and (?:ethical|moral)",
        r"ethical and legal",
        r"unethical",
        r"inappropriate",
        r"immoral",
        r"disrespectful",
        r"(?:not|isn't|never) (?:\w+ ){0,2}(?:ok|okay|acceptable|appropriate|ethical|respectful|productive)\b",
    ),
    "other_tongue": any_of(
        r"je (?:ne peux pas|suis désolé|refuse|ne suis pas)",
        r"désolé",
        r"je regrette",
        r"(?:lo siento|no puedo|no me es posible)",
        r"(?:es tut mir leid|tut mir leid|ich kann (?:\w+ ){0,3}nicht|kann ich (?:\w+ ){0,3}nicht|leider kann)",
        r"mi dispiace",
        r"non posso",
        r"(?:desculpe|não posso|sinto muito)",
        r"抱歉",
        r"对不起",
        r"我(?:无法|不能|不会)",
        r"無法",
        r"申し訳",
        r"できません",
        r"お手伝いできません",
        r"죄송",
        r"할 수 없",
        r"извините",
        r"не могу",
    ),
}

# Classes that are also looked up in the opening of the response, where a refusal usually stands.
HEAD_CLASSES = (
    "refuse", "apology", "unfortunately", "as_ai", "no_opinion", "no_access", "improper", "unfair", "harm",
    "group", "virtue", "condemn", "must_note", "premise", "redirect", "pivot", "willing", "clarify", "warn",
    "other_tongue",
)  # fmt: skip

OPENING_CLASSES = (
    "refuse",
    "apology",
    "as_ai",
    "improper",
    "unfair",
    "condemn",
    "willing",
    "no_access",
    "must_note",
)

# The counts that users see, from the classes above.
REPORTED = {
    "hedges": ("hedge",),
    "disclaimers": ("disclaim", "as_ai"),
    "warnings": ("warn",),
    "apologies": ("apology",),
    "judgements": ("judge",),
    "deflections": ("redirect",),
    "inabilities": ("refuse", "no_access"),
}

# What makes a sentence worth reading: literal stems only, so that the automaton over whole responses
# stays small (a few hundred states; word wildcards make it explode and run a hundred times slower).
# The curly apostrophe is spelt out because this one is matched against the raw text.
_STEMS = (
    "can['’]t", "cannot", "can not", "won['’]t", "will not", "unable", "not able", "sorry", "apolog",
    "unfortunately", "afraid", "an ai ", "an ai,", "an ai-", "language model", "i must ", "decline", "refuse",
    "refrain", "appropriate", "ethic", "moral", "illegal", "unlawful", "harmful", "violen", "dangerous",
    "discriminat", "stereotyp", "prejudic", "respect", "offensive", "derogatory", "condone", "endorse",
    "should not", "shouldn['’]t", "not accurate", "not fair", "not acceptable", "no reason", "no evidence",
    "assumption", "generaliz", "t have access", "not have access", "not have any", "t have any", "not have the",
    "t have the", "not have personal", "t have personal", "important to", "crucial to", "essential to", "seek ",
    "reach out", "professional", "depends", "consult", "strive to", "never ", "policy", "policies", "guidelines",
    "please note", "keep in mind", "caution", "warning", "disclaimer", "not a licensed", "not a trained",
    "concerned", "must be", "you need to", "instead", "anything else", "something else", "not sure", "violat",
    "blocked", "flagged", "désolé", "ne peux pas", "lo siento", "no puedo", "tut mir leid", "leider",
    "mi dispiace", "não posso", "抱歉", "对不起", "无法", "不能", "申し訳", "できません", "죄송", "не могу", "извините",
)  # fmt: skip
TRIGGER = any_of(*_STEMS)
