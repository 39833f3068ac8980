"""What people are called and how they are reached: names, numbers and addresses, all made up."""

from datetime import date
from random import Random

# fmt: off
SURNAMES = {
    "王": "wang", "李": "li", "张": "zhang", "刘": "liu", "陈": "chen", "杨": "yang", "赵": "zhao",
    "黄": "huang", "周": "zhou", "吴": "wu", "徐": "xu", "孙": "sun", "胡": "hu", "朱": "zhu",
    "郭": "guo", "何": "he", "林": "lin", "罗": "luo", "郑": "zheng", "梁": "liang",
}
# Short and long ones that begin alike (伟, 伟强) are wanted: redaction has to take the longer name first.
GIVEN_NAMES = {
    "伟": "wei", "娜": "na", "芳": "fang", "敏": "min", "静": "jing", "磊": "lei", "艳": "yan",
    "涛": "tao", "霞": "xia", "伟强": "weiqiang", "秀英": "xiuying", "桂英": "guiying", "文博": "wenbo",
    "子涵": "zihan", "雨桐": "yutong", "浩然": "haoran", "欣怡": "xinyi", "建国": "jianguo",
    "志强": "zhiqiang", "晓燕": "xiaoyan", "思远": "siyuan", "佳怡": "jiayi", "梓萱": "zixuan",
    "俊杰": "junjie",
}
# fmt: on
WESTERN_NAMES = {
    "US": (
        "Anna Lee",
        "José Álvarez",
        "Marcus Thornton",
        "Priya Raman",
        "Tomás Echeverría",
        "Caleb Whitfield",
    ),
    "GB": ("Siobhán O'Neill", "Zoë Featherstone", "Oliver Pemberton", "Ngozi Okafor", "Piotr Kowalski"),
}
WESTERN_MIDDLES = ("", " Ruth", " Dean", " Maeve", " Idris", " Noor", " Elio", " Wren")

CHINESE_MOBILES = (135, 136, 137, 138, 139, 150, 151, 158, 159, 176, 177, 180, 186, 187, 188, 189)
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
ID_CHECKS = "10X98765432"


def full_name(rng: Random, country: str) -> tuple[str, str]:
    """A name and the plain letters from which an address is made."""
    if country in WESTERN_NAMES:
        first, last = rng.choice(WESTERN_NAMES[country]).split(" ", 1)
        name = f"{first}{rng.choice(WESTERN_MIDDLES)} {last}"
        return name, "".join(letter for letter in f"{last}{first}".lower() if letter.isascii() and letter.isalpha())
    surname, given = rng.choice(list(SURNAMES)), rng.choice(list(GIVEN_NAMES))
    return surname + given, SURNAMES[surname] + GIVEN_NAMES[given]


def phone_number(rng: Random, country: str) -> str:
    """A mobile number in E.164 form that its country's plan allows."""
    if country == "US":
        return f"+1{rng.choice((212, 305, 312, 405, 617))}555{rng.randint(0, 9999):04d}"
    if country == "GB":
        return f"+447911{rng.randint(100_000, 199_999)}"
    return f"+86{rng.choice(CHINESE_MOBILES)}{rng.randint(0, 99_999_999):08d}"


def landline(rng: Random) -> str:
    """A Beijing or Shanghai landline in E.164 form."""
    return f"+86{rng.choice((10, 21))}{rng.randint(60_000_000, 69_999_999)}"


def phone_forms(number: str) -> tuple[str, ...]:
    """The ways in which systems and people write a number in E.164 form; the first is that form itself."""
    if number.startswith("+861") and len(number) == 14:
        a, b, c = number[3:6], number[6:10], number[10:]
        return number, f"+86 {a} {b} {c}", f"0086{a}{b}{c}", f"{a}-{b}-{c}", f"{a}{b}{c}", f"{a} {b} {c}"
    if number.startswith("+86"):
        return number, f"0{number[3:5]}-{number[5:]}"
    if number.startswith("+1"):
        return number, f"+1 {number[2:5]}-{number[5:8]}-{number[8:]}", f"00{number[1:]}"
    return number, f"+44 {number[3:7]} {number[7:]}", f"00{number[1:]}"


def id_number(rng: Random, birth: date, gender: str) -> str:
    """A resident identity number: region, birth date, sequence (odd for men) and the check of GB 11643."""
    sequence = rng.randrange(1, 999, 2) - (gender == "female")
    digits = f"{rng.choice((110101, 310104, 440305, 510107, 330106))}{birth:%Y%m%d}{sequence:03d}"
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, digits, strict=True))
    return digits + ID_CHECKS[total % 11]


def card_number(rng: Random) -> str:
    """A sixteen-digit card number whose last digit is the Luhn check."""
    digits = f"{rng.choice((622202, 625912, 453201, 552093))}{rng.randint(0, 999_999_999):09d}"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return f"{digits}{-sum(value // 10 + value % 10 for value in doubled) % 10}"


def card_forms(number: str) -> tuple[str, str]:
    """A card number as systems and as people write it."""
    return number, " ".join(number[start : start + 4] for start in range(0, 16, 4))
