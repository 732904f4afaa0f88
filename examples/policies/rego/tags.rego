# Whose a notebook is stands in its tag `team`.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "huaweicloud_modelarts_notebook"
	resource.change.after != null
	not resource.change.after.tags.team
	message := sprintf("%s: has no tag team", [resource.address])
}
