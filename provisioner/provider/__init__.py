"""Huawei Cloud as the plan sees it: credentials, signing, the HTTP client and the notebook service."""
