/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "admin/cli/cli_verbs.h"
#include "base/cleanup.h"
#include "presenced/admin/v1/admin.pb-c.h"
#include "proto/rpc/rpc_json.h"

#define SERVICE "/presenced.admin.v1.UserService/"

enum { PAGE_SIZE = 500 };

/* ---- add, passwd ---------------------------------------------------------------------- */

static int user_change(struct cli_command *command, const char *path, bool is_new)
{
    char password[CLI_PASSWORD_SIZE] = "";
    int exit_code = cli_command_password(command, command->args[0], password);
    if (exit_code != 0) {
        explicit_bzero(password, sizeof(password));
        return exit_code;
    }
    Presenced__Admin__V1__CreateUserRequest create =
        PRESENCED__ADMIN__V1__CREATE_USER_REQUEST__INIT;
    Presenced__Admin__V1__SetPasswordRequest set =
        PRESENCED__ADMIN__V1__SET_PASSWORD_REQUEST__INIT;
    create.user = set.user = (char *)(uintptr_t)command->args[0];
    create.password = set.password = password;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__User *user =
        cli_command_call(command, path, is_new ? &create.base : &set.base,
                         &presenced__admin__v1__user__descriptor, &exit_code);
    explicit_bzero(password, sizeof(password));
    if (!user || cli_command_print(command, user))
        return exit_code;
    (void)printf(is_new ? "user %s added\n" : "password of %s changed\n", user->user);
    return CLI_EXIT_OK;
}

int cli_user_add(struct cli_command *command)
{
    return user_change(command, SERVICE "Create", true);
}

int cli_user_passwd(struct cli_command *command)
{
    return user_change(command, SERVICE "SetPassword", false);
}

/* ---- list, show, remove --------------------------------------------------------------- */

static void user_rows(struct cli_table *table,
                      const Presenced__Admin__V1__ListUsersResponse *page)
{
    for (size_t i = 0; i < page->n_users; i++) {
        const Presenced__Admin__V1__User *user = page->users[i];
        char room[3][CLI_OUTPUT_CELL];
        const char *cells[] = {
            user->user,
            user->is_disabled ? "disabled" : "active",
            cli_output_number(room[0], user->contacts),
            cli_output_number(room[1], user->waiting_messages),
            cli_output_time(room[2], user->created_us),
        };
        cli_output_row(table, cells);
    }
}

int cli_user_list(struct cli_command *command)
{
    static const char *const headers[] = {"USER", "STATE", ">CONTACTS", ">WAITING", "CREATED"};
    const bool is_table = command->format == CLI_TABLE || command->format == CLI_WIDE;
    struct cli_table *table = is_table ? cli_output_table(headers, 5) : NULL;
    json_t *users = json_array();
    CLEANUP(strbuf_done) struct strbuf token = {0};
    int exit_code = CLI_EXIT_OK;
    bool has_more = true;
    while (has_more && exit_code == CLI_EXIT_OK) {
        Presenced__Admin__V1__ListUsersRequest request =
            PRESENCED__ADMIN__V1__LIST_USERS_REQUEST__INIT;
        request.page_size = PAGE_SIZE;
        if (token.size > 0)
            request.page_token = token.data;
        CLEANUP(cli_command_release)
        Presenced__Admin__V1__ListUsersResponse *page = cli_command_call(
            command, SERVICE "List", &request.base,
            &presenced__admin__v1__list_users_response__descriptor, &exit_code);
        if (!page)
            break;
        if (table) {
            user_rows(table, page);
        } else {
            json_t *part = rpc_json_of(&page->base);
            (void)json_array_extend(users, json_object_get(part, "users"));
            json_decref(part);
        }
        has_more = page->next_page_token[0] != '\0';
        strbuf_clear(&token);
        strbuf_add_text(&token, page->next_page_token);
    }
    if (table)
        cli_output_print(table);
    else if (exit_code == CLI_EXIT_OK)
        cli_output_json(json_pack("{s:O}", "users", users), command->format);
    json_decref(users);
    return exit_code;
}

int cli_user_show(struct cli_command *command)
{
    Presenced__Admin__V1__GetUserRequest request = PRESENCED__ADMIN__V1__GET_USER_REQUEST__INIT;
    request.user = (char *)(uintptr_t)command->args[0];
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__User *user =
        cli_command_call(command, SERVICE "Get", &request.base,
                         &presenced__admin__v1__user__descriptor, &exit_code);
    if (!user || cli_command_print(command, user))
        return exit_code;
    char created[CLI_OUTPUT_CELL];
    (void)printf("user        %s\nstate       %s\ncreated     %s\nsessions    %u\n"
                 "contacts    %u\nwaiting     %u messages\nmechanisms ",
                 user->user, user->is_disabled ? "disabled" : "active",
                 cli_output_time(created, user->created_us), user->sessions, user->contacts,
                 user->waiting_messages);
    for (size_t i = 0; i < user->n_mechanisms; i++)
        (void)printf(" %s", user->mechanisms[i]);
    (void)printf("\n");
    return CLI_EXIT_OK;
}

int cli_user_remove(struct cli_command *command)
{
    const int refused = cli_command_confirm(command, "remove user", command->args[0]);
    if (refused != 0)
        return refused;
    Presenced__Admin__V1__RemoveUserRequest request =
        PRESENCED__ADMIN__V1__REMOVE_USER_REQUEST__INIT;
    request.user = (char *)(uintptr_t)command->args[0];
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__RemoveUserResponse *answer =
        cli_command_call(command, SERVICE "Remove", &request.base,
                         &presenced__admin__v1__remove_user_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    (void)printf("user %s removed, %llu sessions ended\n", command->args[0],
                 (unsigned long long)answer->sessions_ended);
    return CLI_EXIT_OK;
}

int cli_user_link(struct cli_command *command)
{
    Presenced__Admin__V1__LinkRosterRequest request =
        PRESENCED__ADMIN__V1__LINK_ROSTER_REQUEST__INIT;
    request.user = (char *)command->args[0];
    request.contact = (char *)command->args[1];
    int exit_code = CLI_EXIT_OK;
    CLEANUP(cli_command_release)
    Presenced__Admin__V1__LinkRosterResponse *answer =
        cli_command_call(command, "/presenced.admin.v1.RosterService/Link", &request.base,
                         &presenced__admin__v1__link_roster_response__descriptor, &exit_code);
    if (!answer || cli_command_print(command, answer))
        return exit_code;
    (void)printf("%s and %s are contacts of each other\n", command->args[0], command->args[1]);
    return CLI_EXIT_OK;
}
