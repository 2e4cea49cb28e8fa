"""Permission sets (权限集) by number and name.

WeChat adds sets whenever it likes, so the list is for showing names only: a number that is not in
it is shown as a number and never refused.
Page: product/third_party_authority_instructions and the two pages it leads to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AccountKind(StrEnum):
    """A kind of account; permission sets belong to one of the first four."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"
    MINI_GAME = "mini_game"
    CHANNELS = "channels"
    SHOP = "shop"
    SALES_ASSISTANT = "sales_assistant"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """One permission set.

    ``exclusive``: only one platform at a time may hold it; None where nobody has said. ``kind`` is
    None where it is not known. ``known`` is False for a number that is not in the list: both names
    are then the number.
    """

    number: int
    zh: str
    en: str
    kind: AccountKind | None
    exclusive: bool | None
    known: bool = True


def lookup(number: int) -> PermissionSet:
    """Return the permission set ``number``, whether anybody knows it or not."""
    found = _BY_NUMBER.get(number)
    if found is not None:
        return found
    return PermissionSet(number, str(number), str(number), None, None, known=False)


def granted(func_info: object) -> tuple[int, ...]:
    """Return the numbers in a reply's ``func_info``, in its order, each once.

    Reads ``[{"funcscope_category": {"id": 1}}, …]``; numbers may be text. Whatever has another form
    is left out: a grant must not be lost because WeChat changed one entry.
    """
    entries = func_info if isinstance(func_info, (list, tuple)) else ()
    numbers = (_number(entry) for entry in entries)
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _number(entry: object) -> int | None:
    category = entry.get("funcscope_category") if isinstance(entry, dict) else None
    number = category.get("id") if isinstance(category, dict) else None
    if isinstance(number, str) and _DIGITS.fullmatch(number) is not None:
        number = int(number)
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < _TOO_LARGE:
        return number
    return None


# As text or as a number, ten digits: the table holds no numbers of more than 38.
_TOO_LARGE: Final = 10**10
_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)

_OA, _MP, _GAME, _CH = (
    AccountKind.OFFICIAL_ACCOUNT,
    AccountKind.MINI_PROGRAM,
    AccountKind.MINI_GAME,
    AccountKind.CHANNELS,
)

_TABLE: Final[tuple[tuple[int, str, str, AccountKind | None, bool | None], ...]] = (
    (1, "消息管理", "messages", _OA, False),
    (2, "用户管理", "users", _OA, False),
    (3, "账号服务", "account service", _OA, False),
    (4, "网页服务", "web pages (OAuth, JS-SDK)", _OA, True),
    (5, "微信小店", "shop", _OA, False),
    (6, "微信多客服", "multi customer service", _OA, False),
    (7, "群发与通知", "broadcast and notifications", _OA, False),
    (8, "微信卡券", "cards and coupons", _OA, False),
    (9, "微信扫一扫", "scan", _OA, False),
    (10, "微信连WIFI", "WiFi", _OA, False),
    (11, "素材管理", "media and material", _OA, False),
    (12, "微信摇周边", "shake nearby", _OA, False),
    (13, "微信门店", "stores", _OA, False),
    (14, "微信支付", "payment", _OA, None),
    (15, "菜单管理", "custom menu", _OA, False),
    (16, "获取认证状态及信息", "verification status", _OA, None),
    (17, "获取小程序码", "mini-program codes", _MP, False),
    (18, "小程序开发与数据分析", "mini-program development and analytics", _MP, True),
    (19, "小程序客服管理", "mini-program customer service", _MP, False),
    (20, "微信登录", "login (old)", _MP, None),
    (21, "数据分析", "analytics (old)", _MP, None),
    (22, "城市服务", "city services", _OA, False),
    (23, "广告管理", "ads", _OA, False),
    (24, "开放平台账号管理", "open-platform account", _OA, True),
    (25, "开放平台账号管理", "open-platform account", _MP, True),
    (26, "微信电子发票", "e-invoices", _OA, False),
    (27, "快速注册小程序", "fast mini-program registration", _OA, False),
    (30, "小程序基本信息管理", "mini-program basic information", _MP, False),
    (31, "小程序认证名称检测", "mini-program verified-name check", _MP, False),
    (33, "小程序关联管理", "mini-program linking", _OA, False),
    (34, "微信商品库管理", "product library", _OA, True),
    (35, "微信卡路里", "calories", _OA, None),
    (36, "微信卡路里", "calories", _MP, None),
    (37, "附近的小程序管理", "nearby mini programs", _MP, False),
    (40, "小程序插件管理", "mini-program plugins", _MP, True),
    (41, "好物圈管理", "good-things circle management", _MP, True),
    (44, "好物圈", "good-things circle", _OA, False),
    (45, "微信物流服务", "logistics", _MP, True),
    (46, "微信一物一码", "one item, one code", _OA, False),
    (47, "微信财政电子票据", "fiscal e-receipts", _OA, False),
    (48, "微信财政电子票据管理", "fiscal e-receipts management", _MP, False),
    (49, "小程序云开发管理", "cloud development", _MP, True),
    (51, "小程序即时配送", "instant delivery", _MP, True),
    (52, "小程序直播管理", "live streaming", _MP, False),
    (54, "服务号对话管理", "service-account dialogue", _OA, True),
    (57, "页面推送", "page push", _MP, None),
    (60, "60", "60 (named by WeChat beside 24 and 25)", None, None),
    (65, "小程序广告管理", "mini-program ads", _MP, False),
    (66, "微信服务市场管理", "service market", _OA, False),
    (67, "微信服务市场管理", "service market", _MP, False),
    (70, "标准版交易组件商品管理", "trade component: goods", _MP, False),
    (
        71,
        "标准版交易组件订单物流与售后管理",
        "trade component: orders, logistics, after-sales",
        _MP,
        False,
    ),
    (73, "标准版交易组件接入", "trade component: access", _MP, True),
    (76, "小程序违规与交易投诉管理", "violations and complaints", _MP, True),
    (81, "试用小程序快速认证", "trial mini program: fast verification", _MP, True),
    (84, "标准版交易组件优惠券管理", "trade component: coupons", _MP, False),
    (85, "自定义版交易组件管理", "custom trade component", _MP, None),
    (86, "小商店装修", "mini-shop decoration", _MP, None),
    (88, "小程序链接管理", "mini-program links", _MP, None),
    (89, "服务号订阅通知", "subscription notifications", _OA, False),
    (93, "小程序联盟(推客)管理", "alliance and promoters", _MP, None),
    (99, "云开发短信服务", "cloud SMS", _MP, None),
    (102, "云开发微信支付", "cloud payment", _MP, None),
    (104, "标准版组件资金链路", "trade component: funds", _MP, None),
    (105, "城市服务", "city services", _MP, None),
    (107, "连接器电商场景接入", "connector for e-commerce", _MP, None),
    (112, "红包封面管理", "red-packet covers", None, None),
    (113, "就医助手", "medical assistant", _OA, False),
    (116, "获取自定义版交易组件数据", "custom trade component: data", _MP, None),
    (117, "图像处理", "image processing", _MP, None),
    (118, "硬件服务", "hardware services", _MP, None),
    (119, "小程序支付管理服务", "mini-program payment management", _MP, None),
    (120, "小程序购物订单", "mini-program shopping orders", _MP, None),
    (121, "公众号购物订单", "official-account shopping orders", _OA, None),
    (129, "视频号小店商品管理", "channels shop: goods", _CH, None),
    (130, "视频号小店物流管理", "channels shop: logistics", _CH, None),
    (131, "视频号小店订单与售后管理", "channels shop: orders and after-sales", _CH, None),
    (132, "视频号小店优惠券管理", "channels shop: coupons", _CH, None),
    (133, "视频号橱窗管理", "channels shop: showcase", _CH, None),
    (135, "流量主代运营", "traffic-owner operation", _MP, None),
    (138, "视频号小店资金管理", "channels shop: funds", _CH, None),
    (139, "小程序运费险", "freight insurance", _MP, None),
    (140, "小程序推广员", "promoters", _MP, None),
    (141, "视频号小店优选联盟", "channels shop: alliance", _CH, None),
    (142, "小程序发货管理", "shipping", _MP, None),
    (144, "学生身份验证", "student check", _MP, None),
    (151, "交易保障", "trade protection", _MP, None),
    (153, "微短剧资源", "short dramas", _MP, None),
    (156, "小程序备案服务", "ICP filing", _MP, None),
    (157, "虚拟支付管理", "virtual payment", _MP, None),
    (159, "视频号电子面单", "channels e-waybills", _CH, None),
    (161, "微信客服管理", "WeChat customer service", _MP, None),
    (171, "小程序消息推送调试", "message push debugging: mini program", _MP, None),
    (172, "公众号消息推送调试", "message push debugging: official account", _OA, None),
    (173, "小游戏消息推送调试", "message push debugging: mini game", _GAME, None),
    (174, "视频号消息推送调试", "message push debugging: channels", _CH, None),
    (175, "电商罗盘", "shop compass (analytics)", _CH, None),
)

_BY_NUMBER: Final = {row[0]: PermissionSet(*row) for row in _TABLE}
KNOWN_NUMBERS: Final = tuple(_BY_NUMBER)
"""Every number of the list, ascending."""
