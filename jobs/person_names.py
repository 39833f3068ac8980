"""How names of persons are written: the form in which equal ones meet, and those in which texts have them."""

import re
import unicodedata

# Scripts that set no space between a name and the words around it: kana, Chinese, Hangul.
_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
SPACED_WORD = re.compile(rf"[^\W\d_{_UNSPACED}]+(?:['’\-][^\W\d_{_UNSPACED}]{{2,}})*")
_WORD = re.compile(rf"{SPACED_WORD.pattern}|[{_UNSPACED}]+")
# Some set a space between the parts of a name (田中 太郎, 张　伟), and pad short ones.
UNSPACED_RUN = re.compile(rf"[{_UNSPACED}·・]+(?:[ \u3000]{{1,2}}[{_UNSPACED}·・]+)*")


def normal_name(name: str) -> str:
    """The form in which equal names meet: NFKC, lower case, words alone."""
    words = _WORD.findall(folded(name))
    is_spaced = any(SPACED_WORD.match(word) for word in words)
    return (" " if is_spaced else "").join(words)


def name_forms(name: str) -> set[str]:
    """The forms in which a name is looked for in texts: as it is, and with its words the other way round."""
    normal = normal_name(name)
    return {normal, " ".join(reversed(normal.split()))}


def name_length(form: str) -> int:
    """The words of a name in its normal form, or its characters where no space is set."""
    return len(form.split()) if SPACED_WORD.match(form) else len(form)


def folded(text: str) -> str:
    """A text as it is compared: NFKC, lower case, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
