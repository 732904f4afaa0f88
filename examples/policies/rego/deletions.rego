# No notebook is deleted: neither for good, nor to be made anew.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "huaweicloud_modelarts_notebook"
	"delete" in resource.change.actions
	message := sprintf("%s: would be deleted", [resource.address])
}
