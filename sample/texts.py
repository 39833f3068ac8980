"""What people say and write, in two languages, now and then with personal data in it."""

from datetime import date
from json import dumps
from random import Random
from typing import TYPE_CHECKING

from sample.customers import Customer
from sample.feeds import Row
from sample.identity import card_forms, phone_forms

if TYPE_CHECKING:
    from sample.world import World

MATTERS = {
    "balance": ("请问我的信用卡还有多少可用额度和余额？", "How much of my balance is left?"),
    "amount_due": ("想确认本期应还金额和最后还款日。", "What is the amount due, and by when?"),
    "temporary_limit": ("下周要出国旅行，想申请临时额度。", "I travel next week and need a temporary limit."),
    "statement_dispute": (
        "账单上有一笔消费不是本人交易，要求核查。",
        "There is a purchase on my statement that I never made.",
    ),
    "fraud": (
        "收到陌生的扣款短信，怀疑卡被盗刷。",
        "I got a text about a payment that is not mine, I fear fraud.",
    ),
    "card_lost": ("卡片遗失，需要马上挂失补卡。", "I lost my card, please block it now."),
    "card_closing": ("年费太贵，准备注销这张卡。", "The yearly fee is too high, I want to close the card."),
    "instalment": (
        "这笔消费可以分十二期吗，手续费多少？",
        "Can I pay this in twelve instalments, and what does it cost?",
    ),
    "app_failure": (
        "手机银行一直登录失败，提示系统繁忙。",
        "The app keeps failing at login, it says the system is busy.",
    ),
    "fee": (
        "为什么又收了滞纳金，请退回。",
        'Why was I charged again? The branch said "no fee", I have it in writing.',
    ),
    "activation": ("新卡收到了，请问怎么激活？", "My new card arrived, how do I activate it?"),
}
PERSONAL_SENTENCES = (
    ("我叫{name}，请回电{phone}。", "This is {name}, call me back on {phone}."),
    ("我的卡号是{card}。", "The card number is {card}."),
    ("身份证号{id_number}，麻烦核对一下。", "My ID number is {id_number}, please check."),
    ("资料请发到{email}，谢谢。", "Please write to {email}, thank you."),
    ("{name}本人，电话{phone}，卡号{card}。", "{name} speaking, phone {phone}, card {card}."),
    ("联系人：{name}", "Ask for {name}"),
)
GREETINGS = ("您好，信用卡中心，请问有什么可以帮您？", "Card centre, good day, how can I help?")
CHECKS = ("为了您的账户安全，请先核对身份。", "For your safety, may I check who you are?")
ANSWERS = ("好的，已经为您登记处理。", "I have taken that up for you.")
THANKS = ("谢谢，再见。", "Thank you, goodbye.")


class Text(str):
    """A text that remembers which personal values it tells."""

    tells: tuple[str, ...] = ()


def text(said: str, tells: tuple[str, ...] = ()) -> Text:
    """A text and the personal values in it."""
    remembered = Text(said)
    remembered.tells = tells
    return remembered


def matter(rng: Random, world: "World", holder: Customer | None, topic: str | None, day: date, share: float) -> Text:
    """What a customer says about a topic; a share of the texts tells personal data too."""
    language = _language(rng, holder)
    said = MATTERS[topic or "balance"][language]
    if holder is None or rng.random() >= share:
        return text(said)
    personal = personal_sentence(rng, world, holder, day, language)
    return text(f"{said}{'' if language == 0 else ' '}{personal}", personal.tells)


def personal_sentence(rng: Random, world: "World", holder: Customer, day: date, language: int | None = None) -> Text:
    """A sentence with the customer's own name, number, card, identity or address."""
    language = _language(rng, holder) if language is None else language
    values = {name: value for name, value in _values(rng, world, holder, day).items() if value}
    sentences = [pair[language] for pair in PERSONAL_SENTENCES]
    tellable = [sentence for sentence in sentences if all(name in values for name in _names(sentence))]
    sentence = rng.choice(tellable)
    return text(sentence.format(**values), tuple(values[name] for name in _names(sentence)))


def payload(details: Row, note: Text | None = None) -> Text:
    """The details of a click as JSON, Chinese in clear as the desktop writes it."""
    if note is None:
        return text(dumps(details, ensure_ascii=False))
    return text(dumps(details | {"note": note}, ensure_ascii=False), note.tells)


def _language(rng: Random, holder: Customer | None) -> int:
    # 0 is Chinese, 1 English: most write in the language of their country.
    chinese = 0.5 if holder is None else 0.9 if holder.country == "CN" else 0.05
    return int(rng.random() >= chinese)


def _values(rng: Random, world: "World", holder: Customer, day: date) -> Row:
    row, card = holder.on(day) or holder.versions[0], world.open_card(holder, day)
    # Foreigners give their number with the country code: a national one would be taken for a Chinese number.
    return {
        "name": row["name"],
        "phone": rng.choice(phone_forms(row["phone"])),
        "card": rng.choice(card_forms(card.plastic)) if card else None,
        "id_number": row["id_number"],
        "email": row["email"],
    }


def _names(sentence: str) -> list[str]:
    return [part.split("}")[0] for part in sentence.split("{")[1:]]
