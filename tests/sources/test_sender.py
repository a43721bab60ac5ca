"""Who may speak of an account: the account itself, or an administrator's in which the stack is."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cordon.finding import Malformed
from cordon.sources import read
from tests.make import DEPLOYMENT
from tests.sources import samples

HOME, MEMBER, OTHER = DEPLOYMENT.account, "444455556666", "777788889999"
SERVING = replace(DEPLOYMENT, member_role="CordonMember")
CHANNELS = sorted(samples.ALL)
SINGLE = ("guardduty", "sequence", "macie", "config")  # sent in the finding's own Region
ACCOUNTS = st.sampled_from((HOME, MEMBER, OTHER)) | st.from_regex(r"[0-9]{12}", fullmatch=True)


def sent(channel: str, *, sender: Any, of: str, region: Any = samples.REGION) -> dict[str, Any]:
    """An event of a channel about an account, from an account and Region."""
    event = copy.deepcopy(samples.ALL[channel]())
    detail = event["detail"]
    finding = detail["findings"][0] if "findings" in detail else detail
    if "cloud" in finding:
        finding["cloud"]["account"]["uid"] = of
    for field in ("accountId", "AwsAccountId", "awsAccountId"):
        if field in finding:
            finding[field] = of
    return event | {"account": sender, "region": region}


@pytest.mark.parametrize("channel", CHANNELS)
@settings(max_examples=30, deadline=None)
@given(sender=ACCOUNTS, of=ACCOUNTS)
def test_member_speaks_of_itself_alone(channel: str, sender: str, of: str) -> None:
    """An event from member A that names B never becomes a finding of B."""
    event = sent(channel, sender=sender, of=of)
    if sender in (of, HOME):
        assert read(event, SERVING).place.account == of
        return
    with pytest.raises(Malformed) as raised:
        read(event, SERVING)
    assert raised.value.field == "account"


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "sender", [None, "", "null", 444455556666, [MEMBER], {}, "44445555666", True]
)
def test_sender_must_be_an_account(channel: str, sender: Any) -> None:
    with pytest.raises(Malformed) as raised:
        read(sent(channel, sender=sender, of=MEMBER), SERVING)
    assert raised.value.field == "account"
    event = sent(channel, sender=sender, of=MEMBER)
    del event["account"]
    with pytest.raises(Malformed, match=r"^account"):
        read(event, SERVING)


@pytest.mark.parametrize("channel", CHANNELS)
def test_only_security_hub_aggregates_regions(channel: str) -> None:
    """GuardDuty, Macie and Config send in the finding's Region; a forwarding rule keeps it."""
    event = sent(channel, sender=HOME, of=MEMBER, region="us-west-2")
    if channel not in SINGLE:
        assert read(event, SERVING).place.region == samples.REGION
        return
    with pytest.raises(Malformed) as raised:
        read(event, SERVING)
    assert raised.value.field == "region"


@pytest.mark.parametrize("channel", CHANNELS)
def test_finding_says_whether_its_account_is_served(channel: str) -> None:
    foreign = sent(channel, sender=HOME, of=MEMBER)
    assert not read(foreign, DEPLOYMENT).served
    assert read(foreign, SERVING).served
    assert read(sent(channel, sender=HOME, of=HOME), DEPLOYMENT).served


@given(sender=ACCOUNTS)
@settings(max_examples=30, deadline=None)
def test_every_finding_of_an_event_is_looked_at(sender: str) -> None:
    assume(sender not in (HOME, MEMBER))
    ours, theirs = samples.an_asff(AwsAccountId=sender), samples.an_asff(AwsAccountId=MEMBER)
    event = samples.imported(ours, theirs) | {"account": sender}
    with pytest.raises(Malformed, match=r"^account"):
        read(event, SERVING)
