"""The review as a web server: the app on one origin, the posts on another, the events in a database."""
