# What is made anew in place of another: the last of its actions is create, and it is not the only one.
package main

import rego.v1

deny contains message if {
	some resource in input.resource_changes
	resource.type == "huaweicloud_modelarts_notebook"
	actions := resource.change.actions
	count(actions) > 1
	actions[count(actions) - 1] == "create"
	message := sprintf("%s: would be replaced", [resource.address])
}
