"""Permission sets (权限集) by number: names in Chinese and English, and who can grant them.

Sets come and go at WeChat: an unknown number is shown as a number, never refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """One set. ``kinds`` are the account kinds that can grant it; empty: any."""

    number: int
    chinese: str
    english: str
    kinds: frozenset[str] = frozenset()


_OA: Final = "oa"
_MP: Final = "mp"
_CHANNELS: Final = "channels"

_TABLE: Final[tuple[tuple[int, str, str, str], ...]] = (
    (1, _OA, "消息管理", "Messages"),
    (2, _OA, "用户管理", "Users"),
    (3, _OA, "账号服务", "Account service"),
    (4, _OA, "网页服务", "Web pages and login"),
    (5, _OA, "微信小店", "Shop"),
    (6, _OA, "微信多客服", "Customer service staff"),
    (7, _OA, "群发与通知", "Broadcasts and notifications"),
    (8, _OA, "微信卡券", "Cards and coupons"),
    (9, _OA, "微信扫一扫", "Scan"),
    (11, _OA, "素材管理", "Media library"),
    (13, _OA, "微信门店", "Stores"),
    (15, _OA, "菜单管理", "Custom menu"),
    (17, _MP, "获取小程序码", "Mini program codes"),
    (18, _MP, "小程序开发与数据分析", "Development and analytics"),
    (19, _MP, "小程序客服管理", "Customer service"),
    (22, _OA, "城市服务", "City services"),
    (23, _OA, "广告管理", "Advertising"),
    (24, _OA, "开放平台账号管理", "Open Platform account"),
    (25, _MP, "开放平台账号管理", "Open Platform account"),
    (26, _OA, "微信电子发票", "E-invoices"),
    (27, _OA, "快速注册小程序", "Fast registration of mini programs"),
    (30, _MP, "小程序基本信息管理", "Basic information"),
    (31, _MP, "小程序认证名称检测", "Verified-name check"),
    (33, _OA, "小程序关联管理", "Linked mini programs"),
    (34, _OA, "微信商品库管理", "Product library"),
    (37, _MP, "附近的小程序管理", "Nearby mini programs"),
    (40, _MP, "小程序插件管理", "Plugins"),
    (45, _MP, "微信物流服务", "Logistics"),
    (49, _MP, "小程序云开发管理", "Cloud development"),
    (51, _MP, "小程序即时配送", "Instant delivery"),
    (52, _MP, "小程序直播管理", "Live streaming"),
    (54, _OA, "服务号对话管理", "Service account dialogue"),
    (65, _MP, "小程序广告管理", "Advertising"),
    (66, _OA, "微信服务市场管理", "Service market"),
    (67, _MP, "微信服务市场管理", "Service market"),
    (76, _MP, "小程序违规与交易投诉管理", "Violations and complaints"),
    (88, _MP, "小程序链接管理", "Links"),
    (89, _OA, "服务号订阅通知", "Subscription notifications"),
    (99, _MP, "云开发短信服务", "Cloud SMS"),
    (129, _CHANNELS, "视频号小店商品管理", "Channels shop: goods"),
    (130, _CHANNELS, "视频号小店物流管理", "Channels shop: logistics"),
    (131, _CHANNELS, "视频号小店订单与售后管理", "Channels shop: orders"),
    (138, _CHANNELS, "视频号小店资金管理", "Channels shop: funds"),
    (142, _MP, "小程序发货管理", "Shipping"),
)

PERMISSION_SETS: Final = {
    number: PermissionSet(number, chinese, english, frozenset({kind}))
    for number, kind, chinese, english in _TABLE
}


def permission_set(number: int) -> PermissionSet:
    """Return the set with this number; an unknown one is named by its number."""
    unknown = PermissionSet(number, f"权限集 {number}", f"Set {number}")
    return PERMISSION_SETS.get(number, unknown)


def sets_for(kind: str, declared: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers an account of ``kind`` can grant out of the ``declared`` ones.

    Nothing declared means every set of the table. An unknown number fits every kind.
    """
    numbers = declared or tuple(PERMISSION_SETS)
    fitting = [n for n in numbers if not (kinds := permission_set(n).kinds) or kind in kinds]
    return tuple(sorted(set(fitting)))
