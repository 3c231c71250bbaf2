document.documentElement.classList.add("js");
try { var theme = localStorage.getItem("theme"); if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme; } catch (_) { /* no storage */ }
