"""Jobs of busbar.dev: from the Job to one Pod at a time, and back to the Job's status.

`podspec.py` says which Pod a Job means, `outcome.py` what an ended Pod means for the Job,
`mirror.py` what the Job's status says meanwhile; `controller.py` decides.
"""
