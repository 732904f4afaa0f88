# No notebook has a GPU.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "huaweicloud_modelarts_notebook"
	flavor := resource.change.after.flavor_id
	contains(flavor, ".gpu.")
	message := sprintf("%s: %s has a GPU", [resource.address, flavor])
}
