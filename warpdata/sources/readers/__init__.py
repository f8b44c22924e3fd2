"""Readers of scenes, one file a format: how it is recognised, and how a folder of it becomes a scene.

Light to import: command lines read the rows' names and options. What reading needs is imported when it is done.
"""
