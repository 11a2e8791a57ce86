/* The dozen calls of PyGObject 2 that pygimp uses, for tests without PyGTK. */
#ifndef SHIM_PYGOBJECT_H
#define SHIM_PYGOBJECT_H
#include <Python.h>
#include <string.h>
#include <glib-object.h>
#define SHIM G_GNUC_UNUSED static
typedef struct { PyObject_HEAD gpointer boxed; GType gtype; gboolean free_on_dealloc; } PyGBoxed;
#define SHIM_Q_BASE g_quark_from_static_string("shim-boxed-base")
#define SHIM_Q_TYPE g_quark_from_static_string("shim-boxed-type")
#define shim_base() ((PyTypeObject *) g_type_get_qdata(G_TYPE_BOXED, SHIM_Q_BASE))
SHIM void shim_boxed_dealloc(PyGBoxed *self)
{
    if (self->free_on_dealloc && self->boxed) g_boxed_free(self->gtype, self->boxed);
    Py_TYPE(self)->tp_free((PyObject *) self);
}
SHIM int shim_init(void)
{
    static PyTypeObject base = { PyObject_HEAD_INIT(NULL) 0, "gobject.GBoxed", sizeof(PyGBoxed) };
    if (shim_base()) return 0;
    base.tp_dealloc = (destructor) shim_boxed_dealloc;
    base.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
    base.tp_new = PyType_GenericNew;
    if (PyType_Ready(&base) < 0) return -1;
    g_type_set_qdata(G_TYPE_BOXED, SHIM_Q_BASE, &base);
    return 0;
}
#define init_pygobject() G_STMT_START { if (shim_init() < 0) return; } G_STMT_END
#define pyg_boxed_get(v, t) ((t *) ((PyGBoxed *) (v))->boxed)
#define pyg_boxed_check(v, g) (PyObject_TypeCheck((PyObject *) (v), shim_base()) && ((PyGBoxed *) (v))->gtype == (g))
SHIM void pyg_register_boxed(PyObject *dict, const char *name, GType gtype, PyTypeObject *type)
{
    type->tp_base = shim_base();
    type->tp_dealloc = shim_base()->tp_dealloc;
    type->tp_new = PyType_GenericNew;
    if (PyType_Ready(type) < 0) return;
    g_type_set_qdata(gtype, SHIM_Q_TYPE, type);
    PyDict_SetItemString(dict, name, (PyObject *) type);
}
SHIM PyObject *pyg_boxed_new(GType gtype, gpointer boxed, gboolean copy, gboolean own)
{
    PyTypeObject *type = g_type_get_qdata(gtype, SHIM_Q_TYPE);
    PyGBoxed *self = (PyGBoxed *) type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->boxed = copy ? g_boxed_copy(gtype, boxed) : boxed;
    self->gtype = gtype;
    self->free_on_dealloc = own;
    return (PyObject *) self;
}
SHIM void pyg_enum_add_constants(PyObject *m, GType t, const char *prefix)
{
    guint i, n = strlen(prefix);
#define SHIM_ADD(C) for (i = 0; i < c->n_values; i++) \
    PyModule_AddIntConstant(m, (char *) (strncmp(c->values[i].value_name, prefix, n) ? c->values[i].value_name : c->values[i].value_name + n), c->values[i].value)
    if (G_TYPE_IS_ENUM(t)) { GEnumClass *c = g_type_class_ref(t); SHIM_ADD(); }
    else if (G_TYPE_IS_FLAGS(t)) { GFlagsClass *c = g_type_class_ref(t); SHIM_ADD(); }
}
SHIM int pyg_enum_get_value(GType t, PyObject *o, gint *v)
{
    if (PyInt_Check(o)) { *v = PyInt_AsLong(o); return 0; }
    PyErr_SetString(PyExc_TypeError, "an integer is needed for an enum");
    return -1;
}
#define pygobject_new(o) (PyErr_SetString(PyExc_NotImplementedError, "no PyGTK here"), (PyObject *) NULL)
#endif
