"""An identity provider on loopback: the certified npm package oidc-provider, with a login page of few words."""
