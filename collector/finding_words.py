"""How findings are written for people: Vietnamese first, the strongest reason first."""

from __future__ import annotations

from typing import Final

from collector.checks.types import Finding, Remark

GRADE_WORDS: Final = {
    "information": "thông tin / information",
    "to_verify": "cần kiểm tra / to verify",
    "suspected": "nghi vấn / suspected",
    "confirmed": "xác nhận / confirmed",
}
SEVERITY_WORDS: Final = {"information": "thông tin / information", "low": "thấp / low", "medium": "vừa / medium", "high": "cao / high"}
RULE_WORDS: Final = {
    "1-unlicensed": "phát sóng không phép / unlicensed emission",
    "2-technology": "công nghệ không được phép / technology not licensed",
    "3-foreign": "mạng nước ngoài / foreign network",
    "4-fake-station": "trạm gốc giả / fake base station",
    "5-relay": "thiết bị chuyển tiếp / relay",
    "6-booster": "bộ kích sóng tự kích / oscillating booster",
    "7-jammer": "phá sóng / jammer",
    "8-changes": "thay đổi / changes",
}
STATE_WORDS: Final = {"open": "đang mở / open", "closed": "đã đóng / closed"}
WEIGHT_WORDS: Final = "  dban: sức nặng của dấu hiệu, 10 log10 tỷ số khả dĩ / a sign's weight, 10 log10 of its likelihood ratio"
"""Said once, below findings."""


def finding_lines(finding: Finding) -> list[str]:
    """Return a finding as lines: what, how sure, then each reason in both languages with its weight in decibans (dban)."""
    lines = [
        f"  ● {RULE_WORDS.get(finding.rule, finding.rule)}: {finding.subject}",
        f"    {GRADE_WORDS[finding.grade]} · {finding.confidence:.0%} · mức độ / severity: {SEVERITY_WORDS[finding.severity]} · "
        f"{finding.finding_id}",
    ]
    for part in finding.evidence:
        lines += [f"    {part.decibans:+5.1f} dban  {part.reason.vi}", f"{'':15}{part.reason.en}"]
    return lines


def remark_line(remark: Remark) -> str:
    """Return what could not be judged, as one line."""
    name = RULE_WORDS.get(remark.rule, remark.rule)
    return f"  ○ không xét được / cannot judge · {name}: {remark.reason.vi} / {remark.reason.en}"


def finding_row(finding: Finding) -> str:
    """Return a finding as one line, its strongest reason last."""
    from collector.words import moment

    reason = finding.evidence[0].reason if finding.evidence else None
    state = STATE_WORDS[finding.state].partition(" / ")[0]
    grade = GRADE_WORDS[finding.grade].partition(" / ")[0]
    return (
        f"{finding.finding_id}  {moment(finding.last_ns)}  {state:8} {grade:12} {finding.confidence:4.0%}  "
        f"{RULE_WORDS.get(finding.rule, finding.rule)}: {finding.subject}" + (f" · {reason.vi} / {reason.en}" if reason else "")
    )
