/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/problems.h"

#include <string.h>

#include "base/progress.h"

static void problem_free(gpointer data)
{
    CcbProblem *problem = data;
    g_free(problem->what);
    g_free(problem->why);
    g_free(problem->remedy);
    g_free(problem);
}

GPtrArray *ccb_problems_new(void)
{
    return g_ptr_array_new_with_free_func(problem_free);
}

static CcbProblem *add(GPtrArray *problems, const CcbProblem *problem)
{
    CcbProblem *copy = g_memdup2(problem, sizeof *problem);
    g_ptr_array_add(problems, copy);
    return copy;
}

/* The hint of a message is the remedy. */
static CcbProblem *add_message(GPtrArray *problems, CcbErrorCode code, const char *message)
{
    g_auto(GStrv) parts = g_strsplit(message, "\nhint: ", 2);
    return add(problems, &(CcbProblem){.code = code,
                                       .what = g_strdup(parts[0]),
                                       .remedy = g_strdup(parts[1]),
                                       .certain = true});
}

void ccb_problems_add_error(GPtrArray *problems, GError *error)
{
    if (error == NULL)
        return;
    add_message(problems, (CcbErrorCode)ccb_exit_code(error), error->message);
    g_error_free(error);
}

/* Where the recipe speaks of what a check is about: the last step that changes it.  What no step brings is missing in the
 * steps; those of another recipe, which this one extends, are not at fault, but what this one wants of them. */
static const CcbNode *node_of(const CcbPlan *plan, const CcbPlanned *planned, const char *subject)
{
    const CcbRecipe *recipe = plan->recipe;
    for (guint i = subject != NULL ? planned->steps->len : 0; i > 0; i--) {
        const CcbPlannedStep *step = planned->steps->pdata[i - 1];
        for (guint j = 0; j < step->changes->len; j++)
            if (ccb_change_concerns(step->changes->pdata[j], subject))
                return ((const CcbStep *)plan->steps->pdata[planned->cached + i - 1])
                    ->origin->position;
    }
    const CcbNode *steps = ccb_node_get(recipe->root, "steps");
    const CcbNode *gpus = ccb_node_get(recipe->root, "gpus");
    return strcmp(steps->file, recipe->root->file) != 0 &&
                   strcmp(gpus->file, recipe->root->file) == 0
               ? gpus
               : steps;
}

void ccb_problems_add_planned(GPtrArray *problems, const CcbPlan *plan, const CcbPlanned *planned)
{
    for (guint i = 0; i < planned->steps->len; i++) {
        const CcbPlannedStep *change = planned->steps->pdata[i];
        const CcbStep *step = plan->steps->pdata[planned->cached + i];
        for (guint j = 0; j < change->failures->len; j++) {
            CcbProblem *problem =
                add_message(problems, CCB_ERR_PROBLEM, change->failures->pdata[j]);
            problem->node = step->origin->position;
            problem->why = g_strdup_printf("The bake would fail in step %u (%s).",
                                           planned->cached + i + 1, step->id);
        }
    }
    for (guint i = 0; i < planned->foreseen->len; i++) {
        const CcbForeseen *foreseen = planned->foreseen->pdata[i];
        add(problems, &(CcbProblem){.code = CCB_ERR_PROBLEM,
                                    .node = node_of(plan, planned, foreseen->subject),
                                    .check = foreseen->check->id,
                                    .what = g_strdup(foreseen->detail),
                                    .why = g_strdup(foreseen->check->why),
                                    .remedy = g_strdup(foreseen->check->remedy),
                                    .certain = foreseen->certain});
    }
}

char *ccb_problem_to_text(const CcbProblem *p)
{
    g_autofree char *place = p->node != NULL ? ccb_node_place(p->node) : NULL;
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s%s%s", place ? place : "", place ? ": " : "", p->what);
    if (p->check != NULL)
        g_string_append_printf(text, " (%s)", p->check);
    if (!p->certain)
        g_string_append(text, "; a step whose result only the bake shows may still do it");
    if (p->why != NULL)
        g_string_append_printf(text, "\n     why: %s", p->why);
    if (p->remedy != NULL)
        g_string_append_printf(text, "\n     remedy: %s", p->remedy);
    return g_string_free(text, FALSE);
}

json_t *ccb_problems_to_json(const GPtrArray *problems)
{
    json_t *list = json_array();
    for (guint i = 0; i < problems->len; i++) {
        const CcbProblem *p = problems->pdata[i];
        g_autofree char *place = p->node != NULL ? ccb_node_place(p->node) : NULL;
        g_autofree char *what = g_utf8_make_valid(p->what, -1);
        json_array_append_new(list, json_pack("{s:s?, s:s?, s:s, s:s?, s:s?, s:b, s:i}", "place",
                                              place, "check", p->check, "what", what, "why", p->why,
                                              "remedy", p->remedy, "certain", (int)p->certain,
                                              "exit_code", (int)p->code));
    }
    return list;
}

guint ccb_problems_count(const GPtrArray *problems, CcbErrorCode *ret_code)
{
    guint count = 0;
    for (guint i = 0; i < problems->len; i++) {
        const CcbProblem *p = problems->pdata[i];
        if (p->certain && count++ == 0 && ret_code != NULL)
            *ret_code = p->code;
    }
    return count;
}

bool ccb_problems_refuse(const GPtrArray *problems, GError **error)
{
    CcbErrorCode code = CCB_ERR_PROBLEM;
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < problems->len; i++) {
        const CcbProblem *problem = problems->pdata[i];
        g_autofree char *text = ccb_problem_to_text(problem);
        if (problem->certain)
            g_string_append_printf(all, "%s%s", all->len > 0 ? "\nproblem: " : "", text);
        else
            ccb_warn("%s", text);
    }
    guint count = ccb_problems_count(problems, &code);
    return count == 0 || ccb_fail(error, code, "problem: %s", all->str);
}
