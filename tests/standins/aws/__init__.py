"""AWS on loopback: moto keeps the resources, and what stands in front of it is as strict as AWS where moto is not."""
