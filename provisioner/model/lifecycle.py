"""What may happen to a notebook: the `lifecycle` of a spec. Nothing of it is sent to the service."""

from __future__ import annotations

from pydantic import Field

from provisioner.model.fields import Boolean, Declared, Text


class Lifecycle(Declared):
    """What a plan may do to a notebook, and what it must leave alone. Paths are dotted: `description`, `tags.cost`."""

    prevent_destroy: Boolean | None = Field(
        default=None,
        description="true: no plan deletes or replaces it. Kept in the state; only an applied `false` lifts it.",
    )
    ignore_changes: tuple[Text, ...] = Field(
        default=(), description="Fields whose live value is right, whatever the spec says: [description, tags.cost]."
    )
    create_before_destroy: Boolean = Field(
        default=False, description="A replacement creates the new instance before it deletes the old one."
    )
    replace_triggered_by: tuple[Text, ...] = Field(
        default=(), description="Fields of which any change replaces the notebook: [image_id]."
    )
    allow_data_loss: Boolean = Field(
        default=False, description="Agree that its volume is deleted by a replacement; else --accept-loss is asked for."
    )
