#!/bin/sh
# Runs in the root folder: compiles pygimp from GIMP's source, and installs it where GIMP's own build puts it.
set -eux
cd /opt/gimpfu
apt-get -q source --download-only gimp
tar -xf gimp_*.orig.tar.* --wildcards '*/plug-ins/pygimp' --strip-components=2
cd pygimp
printf '#define GETTEXT_PACKAGE "gimp20"\n#define GIMP_VERSION "2.10"\n' > config.h

gimp=$(pkg-config --variable=gimplibdir gimp-2.0)
python=$gimp/python
mkdir -p "$python" "$gimp/plug-ins/python-eval"
compile() {
    module=$1
    shift
    gcc -shared -fPIC -O1 -w -DHAVE_CONFIG_H -I. -I.. -I/usr/include/python2.7 -o "$python/$module.so" "$@" \
        $(pkg-config --cflags --libs gimpui-2.0 gegl-0.4)
}
compile gimpcolor gimpcolormodule.c pygimp-colors.c
compile _gimpenums gimpenumsmodule.c
compile gimp gimpmodule.c pygimp-item.c pygimp-display.c pygimp-drawable.c pygimp-image.c pygimp-parasite.c \
    pygimp-pdb.c pygimp-tile.c pygimp-vectors.c
cp gimpfu.py gimpenums.py gimpshelf.py "$python"
printf 'def require(version):\n    pass\n' > "$python/pygtk.py"
install plug-ins/python-eval.py "$gimp/plug-ins/python-eval"
echo ": PYTHONPATH=$python" > "$gimp/environ/pygimp.env"
printf 'python=/usr/bin/python2\npython2=/usr/bin/python2\n:Python:E::py::python2:\n' > "$gimp/interpreters/pygimp.interp"
