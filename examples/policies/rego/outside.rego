# What changed outside is looked at by a person: conftest prints a warning.
package main

import rego.v1

warn contains message if {
	some resource in input.resource_drift
	resource.type == "huaweicloud_modelarts_notebook"
	resource.change.actions != ["no-op"]
	message := sprintf("%s: changed outside", [resource.address])
}
