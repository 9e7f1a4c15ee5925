"use strict";
(function () {
  var input = document.getElementById("filter");
  var table = document.getElementById("rows");
  if (input && table) {
    var rows = Array.from(table.tBodies[0].rows);
    var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    var told = document.getElementById("filtered");
    input.closest(".filter").hidden = false;
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var shown = 0;
      rows.forEach(function (row, place) {
        var fits = words.every(function (word) { return texts[place].includes(word); });
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      told.textContent = words.length ? shown + " of " + rows.length + " rows" : "";
    });
  }
  // A link to what is folded away unfolds it.
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) { return; }
    for (var at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") { at.open = true; }
    }
    target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  unfold();
})();
