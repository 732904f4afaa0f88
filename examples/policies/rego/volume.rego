# No volume is larger than 100 GB.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "huaweicloud_modelarts_notebook"
	size := resource.change.after.volume[0].size
	size > 100
	message := sprintf("%s: %d GB", [resource.address, size])
}
