"""A number per tenant that moves when the fleet looks different: what readers may keep until then."""
