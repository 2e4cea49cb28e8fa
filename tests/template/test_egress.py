"""The way to WeChat: one fixed address, the user's own subnets, or none."""

from __future__ import annotations

from typing import Any

from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]


def test_conditions(template: dict[str, Any]) -> None:
    """With nat there is a VPC of our own, with subnets another one, with none none."""
    conditions = template["Conditions"]
    equals = {"Fn::Equals": [{"Ref": "Egress"}, "none"]}
    assert conditions["HasVpc"] == {"Fn::Not": [equals]}
    assert conditions["OwnsVpc"] == {"Fn::Equals": [{"Ref": "Egress"}, "nat"]}
    assert template["Parameters"]["Egress"]["Default"] == "nat"
    assert template["Parameters"]["Egress"]["AllowedValues"] == ["nat", "subnets", "none"]


def test_network_parts_exist_with_nat_only(resources: Resources) -> None:
    """Nobody pays for a NAT gateway that is not used."""
    parts = {name: one for name, one in resources.items() if one["Type"].startswith("AWS::EC2::")}
    assert len(parts) == 17
    assert all(part["Condition"] == "OwnsVpc" for part in parts.values())


def test_the_address_outlives_the_stack(resources: Resources) -> None:
    """The address on the platform's list at WeChat is not given back by accident."""
    address = resources["EgressAddress"]
    assert address["DeletionPolicy"] == "Retain"
    assert address["UpdateReplacePolicy"] == "Retain"
    assert address["DependsOn"] == "InternetGatewayAttachment"
    (gateway,) = of_type(resources, "AWS::EC2::NatGateway").values()
    assert target(gateway["AllocationId"]) == "EgressAddress.AllocationId"
    assert target(gateway["SubnetId"]) == "PublicSubnet"


def test_private_subnets_leave_through_the_fixed_address(resources: Resources) -> None:
    """Both private subnets route everything to the NAT gateway, the public one to the internet."""
    routes = {
        target(route["RouteTableId"]): route
        for route in of_type(resources, "AWS::EC2::Route").values()
    }
    assert {route["DestinationCidrBlock"] for route in routes.values()} == {"0.0.0.0/0"}
    assert target(routes["PrivateRoutes"]["NatGatewayId"]) == "NatGateway"
    assert target(routes["PublicRoutes"]["GatewayId"]) == "InternetGateway"
    tables = {
        target(one["SubnetId"]): target(one["RouteTableId"])
        for one in of_type(resources, "AWS::EC2::SubnetRouteTableAssociation").values()
    }
    assert tables == {
        "PublicSubnet": "PublicRoutes",
        "PrivateSubnetA": "PrivateRoutes",
        "PrivateSubnetB": "PrivateRoutes",
    }


def test_nothing_comes_in_and_only_https_goes_out(resources: Resources) -> None:
    """The functions' security group has no ingress and one egress rule."""
    group = resources["EgressSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    (rule,) = group["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)


def test_the_table_is_reached_without_the_nat_gateway(resources: Resources) -> None:
    """DynamoDB has a gateway endpoint in the private subnets' routes: it costs nothing."""
    endpoint = resources["TableEndpoint"]["Properties"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert target(endpoint["ServiceName"]) == "com.amazonaws.${AWS::Region}.dynamodb"
    assert [target(table) for table in endpoint["RouteTableIds"]] == ["PrivateRoutes"]
