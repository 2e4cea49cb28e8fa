"""The accounts that live in this WeChat, and their profiles as WeChat tells them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.values import Minter

Kind = Literal["oa", "mp", "promoter", "channels", "talent"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
KIND_NAMES: Final = {
    "oa": ("公众号", "Official account"),
    "mp": ("小程序", "Mini program"),
    "promoter": ("推客", "Promoter"),
    "channels": ("视频号", "Channels account"),
    "talent": ("带货助手", "Sales assistant"),
}

NORMAL: Final = 1
# WeChat's page lists neither closed, banned nor frozen accounts; 18 (warned) may authorise.
LISTED_STATUSES: Final = frozenset({1, 18})
STATUS_NAMES: Final = {
    1: ("正常", "normal"),
    14: ("已注销", "closed"),
    16: ("已封禁", "banned"),
    18: ("已告警", "warned"),
    19: ("已冻结", "frozen"),
}

# auth_type of the link: the kinds of account its page offers. 7 does not exist.
AUTH_TYPES: Final[Mapping[int, frozenset[str]]] = {
    1: frozenset({"oa"}),
    2: frozenset({"mp"}),
    3: frozenset({"oa", "mp"}),
    4: frozenset({"promoter"}),
    5: frozenset({"channels"}),
    6: frozenset({"oa", "mp", "channels"}),
    8: frozenset({"talent"}),
}


class MerchantError(ValueError):
    """A merchant is missing a field or has a malformed one."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account that may authorise the component.

    ``user_name`` is the original id (``gh_``...), ``verify_type`` -1 unverified or 0 verified,
    ``account_status`` as in WeChat (1 normal, 14 closed, 16 banned, 18 warned, 19 frozen).
    ``api_ability`` False: an account for which WeChat hands out no tokens at all.
    """

    appid: str
    user_name: str
    nick_name: str
    kind: Kind = "oa"
    principal_name: str = "Example Trading Co"
    alias: str = ""
    signature: str = ""
    service_type: int = 2
    verify_type: int = 0
    account_status: int = NORMAL
    api_ability: bool = True

    @classmethod
    def from_json(cls, values: Mapping[str, Any], minter: Minter) -> Merchant:
        """Build a merchant from JSON; appid, original id and name are made up when absent."""
        given = dict(values)
        kind = given.setdefault("kind", "oa")
        if kind not in KINDS:
            raise MerchantError(f"kind: is none of {', '.join(KINDS)}")
        given.setdefault("service_type", 2 if kind == "oa" else 0)
        given.setdefault("appid", minter.appid())
        given.setdefault("user_name", minter.user_name())
        given.setdefault("nick_name", f"Merchant {str(given['appid'])[-4:]}")
        for name, value in given.items():
            item = cls.__dataclass_fields__.get(name)
            if item is None:
                raise MerchantError(f"{name}: no such field")
            wanted = {"int": int, "bool": bool}.get(str(item.type), str)
            if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
                raise MerchantError(f"{name}: is not of the right kind ({wanted.__name__})")
        if not given["appid"]:
            raise MerchantError("appid: is empty")
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """Return the merchant as JSON."""
        return asdict(self)

    def authorizer_info(self) -> dict[str, Any]:
        """Return ``authorizer_info`` as ``api_get_authorizer_info`` answers it."""
        info: dict[str, Any] = {
            "nick_name": self.nick_name,
            "head_img": f"http://wx.qlogo.cn/mmopen/{self.user_name[3:]}/0",
            "service_type_info": {"id": self.service_type},
            "verify_type_info": {"id": self.verify_type},
            "user_name": self.user_name,
            "alias": self.alias,
            "qrcode_url": f"http://mmbiz.qpic.cn/mmbiz_jpg/{self.user_name[3:]}/0",
            "business_info": {
                "open_pay": 0,
                "open_shake": 0,
                "open_scan": 0,
                "open_card": 0,
                "open_store": 0,
            },
            "idc": 1,
            "principal_name": self.principal_name,
            "signature": self.signature,
            "account_status": self.account_status,
        }
        if self.kind == "mp":
            info["MiniProgramInfo"] = {
                "network": {
                    "RequestDomain": ["https://api.example.com"],
                    "WsRequestDomain": [],
                    "UploadDomain": [],
                    "DownloadDomain": [],
                    "BizDomain": [],
                    "UDPDomain": [],
                    "TCPDomain": [],
                },
                "categories": [{"first": "工具", "second": "效率"}],
                "visit_status": 0,
            }
            info["register_type"] = 0
            info["basic_config"] = {"is_phone_configured": True, "is_email_configured": True}
        elif self.kind == "channels":
            info["channels_info"] = {"id": 0}
        elif self.kind == "talent":
            info["talent_info"] = {"id": 0}
        return info


EXAMPLES: Final = (
    Merchant(
        appid="wx4e1c7a90b25d83f6",
        user_name="gh_5b90d2c7e1a4",
        nick_name="晨光书店 Morning Books",
        kind="oa",
        alias="morning-books",
        principal_name="Morning Books Co",
    ),
    Merchant(
        appid="wx91f03b6cd8e2a547",
        user_name="gh_c2a86f0be913",
        nick_name="鲜果到家 Fruit at Home",
        kind="mp",
        service_type=0,
        principal_name="Fruit at Home Co",
        signature="新鲜水果，当日送达 Fresh fruit, delivered today",
    ),
    Merchant(
        appid="wx27b5d9e04c6f1a83",
        user_name="gh_0f7e3d19b6c5",
        nick_name="小巷茶馆 Lane Teahouse",
        kind="oa",
        service_type=0,
        verify_type=-1,
        principal_name="个人",
        api_ability=False,
    ),
    Merchant(
        appid="wxa8c6410f7d3be295",
        user_name="gh_e48b1c70d5f2",
        nick_name="海边视频 Seaside Films",
        kind="channels",
        service_type=0,
        principal_name="Seaside Films Co",
    ),
    Merchant(
        appid="wx5d20e7f38b94c61a",
        user_name="gh_93d7a5e0c8b1",
        nick_name="旧货市集 Flea Market",
        kind="oa",
        account_status=19,
        principal_name="Flea Market Co",
    ),
)
