"""The messages between station and collector, one file a kind. ``codec`` turns them into bytes and back."""

from config.wire.base import Header, LevelRecord, Position, Record
from config.wire.capture_announcement import CaptureAnnouncement
from config.wire.codec import AnyRecord, decode_record, encode_record, from_json, to_json
from config.wire.emission import EmissionReport
from config.wire.gsm_cell import GsmCellReport
from config.wire.health import HealthReport, UnheardBand
from config.wire.lte_cell import LteCellReport
from config.wire.occupancy import ChannelOccupancy, OccupancyReport
from config.wire.spectrum import SpectrumReport
from config.wire.summary import SensitivityReport, SummaryReport
from config.wire.task import Task, TaskResult

__all__ = [
    "AnyRecord",
    "CaptureAnnouncement",
    "ChannelOccupancy",
    "EmissionReport",
    "GsmCellReport",
    "Header",
    "HealthReport",
    "LevelRecord",
    "LteCellReport",
    "OccupancyReport",
    "Position",
    "Record",
    "SensitivityReport",
    "SpectrumReport",
    "SummaryReport",
    "Task",
    "TaskResult",
    "UnheardBand",
    "decode_record",
    "encode_record",
    "from_json",
    "to_json",
]
