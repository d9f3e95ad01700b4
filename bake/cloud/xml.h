/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers of an S3 server: a document with named values, and in lists with records of such.
 *
 *     <ListPartsResult>
 *       <IsTruncated>false</IsTruncated>                 a field of the document
 *       <Part><PartNumber>1</PartNumber>...</Part>       a record
 *     </ListPartsResult>
 *
 * GLib's parser knows no document types and no entities but XML's own, so that an answer stands for
 * no more than what it has in it.  Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *root;         /* the name of the outermost element */
    GHashTable *fields; /* char * ► char * */
    GPtrArray *records; /* of GHashTable *, the same of each record */
} CcbXml;

/* `record`: the name of the elements that are records; NULL: none are.  NULL with CCB_ERR_FETCH
 * where it is not XML. */
CcbXml *ccb_xml_parse(const char *text, gsize size, const char *record, GError **error);
void ccb_xml_free(CcbXml *xml); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbXml, ccb_xml_free)

/* A value, or "". */
const char *ccb_xml_get(GHashTable *fields, const char *name);
