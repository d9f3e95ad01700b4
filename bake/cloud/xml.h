/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer of an S3 server: a document of named values, and in lists also of records of named values.
 *
 *     <ListPartsResult>
 *       <IsTruncated>false</IsTruncated>                 a field of the document
 *       <Part><PartNumber>1</PartNumber>...</Part>       a record
 *     </ListPartsResult>
 *
 * GLib's parser knows no document types and only XML's own entities, so that a hostile answer can neither grow nor
 * name files.  Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *root;         /* the name of the outermost element */
    GHashTable *fields; /* char * ► char * */
    GPtrArray *records; /* of GHashTable *, the same of each record */
} CcbXml;

/* `record`: the name of the elements that are records; NULL: there are none.  Errors: CCB_ERR_FETCH (it is not
 * XML). */
CcbXml *ccb_xml_parse(const char *text, gsize size, const char *record, GError **error);
void ccb_xml_free(CcbXml *xml); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbXml, ccb_xml_free)

/* A value; "" if it is not there. */
const char *ccb_xml_get(GHashTable *fields, const char *name);
