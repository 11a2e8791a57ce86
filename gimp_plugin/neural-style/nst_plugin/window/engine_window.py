"""The window about the engine: it offers to install it, updates, repairs and removes it, and shows how that gets on."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402  (the versions come first)

from nst_plugin.installer import Event, Installer  # noqa: E402
from nst_plugin.shared import settings, ssh  # noqa: E402
from nst_plugin.shared.errors import EngineError  # noqa: E402
from nst_plugin.shared.translation import N_, _, said  # noqa: E402

INSTALL, REMOVE = 1, 2
"""What the buttons answer, beside GTK's own Cancel."""

LOOK_MS = 100
SPACING, BORDER, WIDTH, DETAILS_HEIGHT = 6, 12, 520, 160
GIGABYTE = 1e9
MISSING = N_("Neural Style needs its engine, which is not installed yet. No picture leaves this machine.")
OLDER = N_("The engine is of version {engine}, the plug-in of version {plug_in}: update the engine to go on.")
PRESENT = N_("The engine is of version {engine}, and computes on {device}.")
PLACE = N_("Folder: {folder}")
SIZE = N_("It takes about {bytes:.1f} GB there, half of which is downloaded; {free:.1f} GB are free.")
FAR = N_("The engine in use is on {host}, which sees the pictures. Name another computer, or none, to change that.")
USED = N_("It takes {used:.1f} GB there. Log: {log}")


class EngineWindow:
    """Shown by :meth:`run`, which ends it, too."""

    def __init__(self) -> None:
        self._installer: Installer | None = None
        self._plan: Event | None = None
        self._had_engine = settings.has_engine()
        self._is_working = self._is_failed = self._may_install_there = False
        self._is_for_here = self._begins_from_nothing = self._is_all_of_now = False
        self._dialog = Gtk.Dialog(title=_("The Engine of Neural Style"), resizable=True)
        self._dialog.set_default_size(WIDTH, -1)
        GimpUi.window_set_transient(self._dialog)
        self._remove = self._dialog.add_button(_("_Remove"), REMOVE)
        self._remove.set_tooltip_text(_("Take the engine away, from every GIMP that uses it."))
        self._dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._install = self._dialog.add_button(self._verb(), INSTALL)
        self._text = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=70, selectable=True)
        self._builds = Gtk.ComboBoxText(tooltip_text=_("For which hardware the engine computes."))
        self._builds.get_accessible().set_name(_("Build"))
        self._host = Gtk.Entry(
            text=settings.host(),
            placeholder_text=_("On another computer: user@host"),
            tooltip_text=_("A computer to paint on, as ssh knows it. Empty for this one."),
        )
        self._host.get_accessible().set_name(_("Other computer"))
        self._bar = Gtk.ProgressBar(show_text=True, text="")
        self._bar.get_accessible().set_name(_("Progress"))
        self._line = Gtk.Label(label=_("Looking at this machine…"), xalign=0.0, wrap=True, max_width_chars=70)
        self._details = Gtk.TextView(editable=False, monospace=True)
        self._details.get_accessible().set_name(_("Details"))
        self._lay_out()

    def run(self) -> None:
        """Let the user choose, until what was begun is done or the window is closed."""
        self._begin(False, "--dry-run")
        clock = GLib.timeout_add(LOOK_MS, self._look)
        try:
            while (response := self._dialog.run()) in (INSTALL, REMOVE):
                try:
                    self._begin(True, *(self._wish() if response == INSTALL else ["--uninstall"]))
                except EngineError as problem:
                    self._line.set_text(str(problem))
            if response != Gtk.ResponseType.ACCEPT:
                self._give_up()
        finally:
            GLib.source_remove(clock)
            self._dialog.destroy()

    def _wish(self) -> list[str]:
        """Where the engine is to be, for the installer. EngineError for what is no computer."""
        host = self._host.get_text().strip()
        if not host:
            return ["--torch-backend", self._builds.get_active_id() or "auto"]
        ssh.check_host(host)
        is_update = host == settings.host() and not settings.is_up_to_date()
        return [f"--remote={host}", *(["--install-there"] if self._may_install_there or is_update else [])]

    def _lay_out(self) -> None:
        area = self._dialog.get_content_area()
        area.set_border_width(BORDER)
        area.set_spacing(SPACING)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.AUTOMATIC, min_content_height=DETAILS_HEIGHT)
        scrolled.add(self._details)
        expander = Gtk.Expander(label=_("Details"))
        expander.add(scrolled)
        for row in (self._text, self._builds, self._host, self._bar, self._line):
            area.pack_start(row, False, False, 0)
        area.pack_start(expander, True, True, 0)
        self._dialog.show_all()

    def _verb(self) -> str:
        """What the button that installs is called."""
        if not self._had_engine:
            return _("_Install")
        return _("_Repair") if settings.is_up_to_date() else _("_Update")

    def _give_up(self) -> None:
        """End what was begun, and take away what there is of an engine, if it was begun in this window."""
        if self._installer:
            self._installer.cancel()
            self._hear_to_the_end()
        if self._is_all_of_now:
            self._line.set_text(_("Cleaning up…"))
            self._installer = Installer("--uninstall")
            self._hear_to_the_end()

    def _begin(self, is_work: bool, *words: str) -> None:
        self._is_working, self._is_failed = is_work, False
        self._is_for_here = is_work and not any(word.startswith("--remote") for word in words)
        self._begins_from_nothing = False
        self._installer = Installer(*words)
        self._show_state()

    def _hear_to_the_end(self) -> None:
        while self._installer:
            GLib.MainContext.default().iteration(True)

    def _look(self) -> bool:
        """Hear all that the installer has told meanwhile."""
        while self._installer and (event := self._installer.poll()):
            self._hear(event)
        return True

    def _hear(self, event: Event) -> None:
        kind = event["event"]
        if kind == "line":
            self._details.get_buffer().insert_at_cursor(event["text"] + "\n", -1)
        elif kind == "plan":
            self._begins_from_nothing = self._is_for_here and not (self._had_engine or event["is_installed"])
            if self._plan is None:
                self._plan = event
                self._show_plan(event)
        elif kind == "step":
            # What another GIMP has installed meanwhile is not for this window to take away.
            self._is_all_of_now = self._is_all_of_now or self._begins_from_nothing
            self._line.set_text(f"{event['number']}/{event['of']}: {said(event, 'text')}")
        elif kind == "bytes":
            self._show_bytes(event["bytes"], event["about"])
        elif kind == "error":
            self._is_failed = True
            self._may_install_there = bool(event.get("may_install_there"))
            if self._may_install_there:
                self._install.set_label(_("_Install There"))
            self._line.set_text(f"{said(event, 'message')} {said(event, 'tip')}")
        elif kind == "end":
            self._end()

    def _end(self) -> None:
        """The installer is through with what it was asked for."""
        self._installer = None
        if self._is_working and not self._is_failed:
            self._dialog.response(Gtk.ResponseType.ACCEPT)
        self._is_working = False
        self._show_state()

    def _show_state(self) -> None:
        """Let the buttons be of use that are at this time."""
        can_begin = not self._is_working and self._plan is not None
        self._install.set_sensitive(can_begin)
        self._builds.set_sensitive(can_begin)
        self._host.set_sensitive(can_begin)
        self._remove.set_visible(self._had_engine)
        self._remove.set_sensitive(can_begin)
        self._bar.set_visible(self._is_working)

    def _show_plan(self, plan: dict[str, Any]) -> None:
        for build in plan["builds"]:
            reason = said(build, "reason")
            reason = reason[:1].upper() + reason[1:]
            words = _("{reason}, about {bytes:.1f} GB ({build})")
            size = build["bytes"] / GIGABYTE
            self._builds.append(build["name"], words.format(reason=reason, bytes=size, build=build["name"]))
        self._builds.connect("changed", lambda _builds: self._text.set_text("\n".join(self._story(plan))))
        self._builds.set_active(0)
        self._line.set_text("")
        self._install.grab_focus()

    def _story(self, plan: dict[str, Any]) -> list[str]:
        """What there is, where, and how large."""
        facts = {"engine": settings.version(), "plug_in": settings.release(), "device": plan["device"]}
        size = next(build["bytes"] for build in plan["builds"] if build["name"] == self._builds.get_active_id())
        sizes = {"bytes": size / GIGABYTE, "free": plan["free"] / GIGABYTE}
        place = _(PLACE).format(folder=plan["folder"])
        if not self._had_engine:
            return [_(MISSING), place, _(SIZE).format(**sizes)]
        if settings.host():
            return [_(FAR).format(host=settings.host())]
        state = PRESENT if settings.is_up_to_date() else OLDER
        return [_(state).format(**facts), place, _(USED).format(used=plan["used"] / GIGABYTE, log=plan["log"])]

    def _show_bytes(self, done: int, about: int) -> None:
        self._bar.set_fraction(min(0.99, done / about))
        words = _("{done:.1f} of about {about:.1f} GB")
        self._bar.set_text(words.format(done=done / GIGABYTE, about=about / GIGABYTE))
