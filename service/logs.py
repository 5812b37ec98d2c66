"""Where log lines go and what they look like."""

import logging.config

TEXT = "%(asctime)s %(levelname)-7s %(name)s [%(correlation_id)s] %(message)s"
JSON = "%(asctime)s %(levelname)s %(name)s %(correlation_id)s %(message)s"


def configure_logging(level: str, form: str) -> None:
    """Send every logger's lines, those of uvicorn included, to standard error."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {
                "request_id": {
                    "()": "asgi_correlation_id.CorrelationIdFilter",
                    "default_value": "-",
                }
            },
            "formatters": {
                "text": {"format": TEXT},
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "fmt": JSON,
                    "rename_fields": {
                        "asctime": "time",
                        "levelname": "level",
                        "name": "logger",
                        "correlation_id": "request_id",
                    },
                },
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": form,
                    "filters": ["request_id"],
                }
            },
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # A caller's own request id that is no UUID is replaced; that is not worth a warning.
            "loggers": {"asgi_correlation_id": {"level": "ERROR"}},
        }
    )
