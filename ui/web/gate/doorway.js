// A browser does not show its cookie to a page that a foreign page led to. It does when the page
// itself asks, so whoever has been here before is let in.
fetch("/come-in", { credentials: "same-origin" }).then((answer) => {
  if (answer.status === 204) location.replace(location.href);
});
