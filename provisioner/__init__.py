"""Plan and apply for Huawei Cloud ModelArts notebook instances. Only the version lives here."""

__version__ = "0.1.0"
